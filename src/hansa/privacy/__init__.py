"""What secure sums are made of: shares of a secret, fixed point in a ring, masks, and the protocol over them."""
