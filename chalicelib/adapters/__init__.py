"""The ports, in AWS's terms. Named by technology; boto3 clients come ready-made from bootstrap."""
