"""What the rest of the project may ask of this app."""
