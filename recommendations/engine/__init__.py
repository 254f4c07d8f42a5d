"""The recommendation engine: pure numpy and scipy for training, pure Python for serving.

Nothing is imported here, so that serving (`packing`, `rank`) never pays for numpy.
"""
