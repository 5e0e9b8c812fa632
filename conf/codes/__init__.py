"""Small code tables written for this project: what the embedded world is made of, and what is used where the user has none."""
