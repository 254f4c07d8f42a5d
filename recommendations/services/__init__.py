"""What the recommender does for its users, one module per group of use cases."""
