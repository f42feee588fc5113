"""A party's own word: what it lets in and out. Guards at the door, never called by what they govern."""
