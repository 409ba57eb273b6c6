"""The commands of `flask --app portal.app`: a file for each noun, each a thin door to services."""
