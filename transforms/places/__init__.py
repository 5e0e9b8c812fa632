"""Administrative divisions by year, and the places that names and addresses tell."""
