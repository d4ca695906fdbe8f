"""How SSM answers: operations, shapes, errors and pages, as botocore's model gives them."""
