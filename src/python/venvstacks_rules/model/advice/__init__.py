"""What a layer could do without or share with others, and the edits that make it so."""
