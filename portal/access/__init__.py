"""Who acts, what they may do, and which rows they may see. What is done with them does not live here."""
