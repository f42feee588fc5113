"""Applications: whole tasks of a risk team, made of the house's steps."""
