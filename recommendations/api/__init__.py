"""The recommender over REST."""
