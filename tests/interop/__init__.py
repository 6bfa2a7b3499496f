"""Files that go from one program to another. Runs where Keras 3 and tf-keras are installed; says so where not."""
