"""How the networks of a bundle come to be: stages that can stop and resume at any second."""
