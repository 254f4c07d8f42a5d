"""The only reader and writer of the recommender's tables, one module per kind of row."""
