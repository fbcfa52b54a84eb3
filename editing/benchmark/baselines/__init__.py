"""Other methods that make people smile, each written from its paper at a family's scale."""
