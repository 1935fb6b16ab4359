"""List prices and quotas, as data in one place: to be checked before anybody relies on a figure of docs/cost.md.

Region eu-west-1, in US dollars before tax and free tiers, as remembered in November 2025 from AWS's pricing pages; no
account was asked. Another region, or another day, is another line here and `python -m bench.cost --write`.
"""

REGION, AS_OF = "eu-west-1", "November 2025"
MILLION = 1_000_000

# -- for each million ----------------------------------------------------------------------------------------------
GATEWAY_REQUESTS = 3.50  # REST API, the first 333 million of a month; 2.80 and less beyond
LAMBDA_REQUESTS = 0.20
READ_UNITS = 0.1415  # DynamoDB on demand
WRITE_UNITS = 0.7068
KMS_REQUESTS = 3.00
S3_PUT_REQUESTS = 5.00  # PUT, COPY, POST, LIST
S3_GET_REQUESTS = 0.40  # GET and all others but deletions, which are free
SQS_REQUESTS = 0.40
S3_EVENTS = 1.00  # by EventBridge
EMAILS = 100.00  # SES

# -- for each of something else ------------------------------------------------------------------------------------
LAMBDA_GB_SECOND = 0.0000166667
LOG_GB = 0.57
TABLE_GB_MONTH = 0.283
BUCKET_GB_MONTH = 0.023
KMS_KEY_MONTH, ALARM_MONTH, DASHBOARD_MONTH, METRIC_MONTH = 1.00, 0.10, 3.00, 0.30
TRANSFER_TIERS = (
    (10_000, 0.09),
    (40_000, 0.085),
    (100_000, 0.07),
    (float("inf"), 0.05),
)  # GB of a month to the internet

# -- how long a call is supposed to take, since no Lambda was measured: milliseconds -------------------------------
STEP_MS = {"DynamoDB": 6.0, "KMS": 8.0, "S3": 25.0, "SQS": 10.0, "SESv2": 60.0}
TRANSACTION_MS = 14.0
OWN_MS = 5.0  # the service's own work, a cold start's share in it
MEMORY_GB = 1.0

# -- quotas: what an account has in a region before it asks for more, a second -------------------------------------
GATEWAY_QUOTA = 10_000  # requests
LAMBDA_QUOTA = 1_000  # functions at a time
KMS_QUOTA = 10_000  # symmetric and HMAC operations; several regions have more
TABLE_QUOTA = 40_000  # write units of one table
PARTITION_READS, PARTITION_WRITES = 3_000, 1_000  # units of one partition: not to be raised
SES_QUOTA = 14  # e-mails, out of the sandbox
