"""The checks R of docs/threat-model.md: what policies leave to whoever got at a function."""

from tests.mutants.mutant import SECURITY, Mutant

ROLES, TEMPLATE = "infra/permissions.yaml", "infra/template.yaml"
NO_RIGHT_MORE = "r1_no_function_administers_anything"
WHO_MAY = "r1_whoever_got_at_one_function_cannot_do_what_another_does"
CONTEXTS = "r2_the_key_opens_nothing_under_another_context"
ADMINISTRATORS = "r3_whoever_administers_a_key_opens_and_signs_nothing_with_it"
URLS = "r4_no_url_outlives_what_we_sign"
RECORDS = "r5_each_has_its_own_records_of_the_one_table"


def _mutant(number: str, what: str, path: str, source: str, replacement: str, test: str) -> Mutant:
    return Mutant(number, what, path, source, replacement, (f"{SECURITY}/test_rights.py::test_{test}",))


RIGHTS = (
    _mutant(
        "R1",
        "who follows the changes deletes tables",
        ROLES,
        "Action: sqs:SendMessage\n                Resource: !GetAtt ChangeDeadLetters.Arn",
        "Action: [sqs:SendMessage, dynamodb:DeleteTable]\n                Resource: !GetAtt ChangeDeadLetters.Arn",
        NO_RIGHT_MORE,
    ),
    _mutant(
        "R1",
        "the sweep lists what accounts have",
        ROLES,
        "Resource: !Sub '${MetadataTable.Arn}/index/due'",
        "Resource: [!Sub '${MetadataTable.Arn}/index/due', !Sub '${MetadataTable.Arn}/index/listing']",
        WHO_MAY,
    ),
    _mutant(
        "R1",
        "mails are sent in anybody's name",
        ROLES,
        "StringEquals: {'ses:FromAddress': !Ref MailFrom}",
        "StringLike: {'ses:FromAddress': '*'}",
        WHO_MAY,
    ),
    _mutant(
        "R1",
        "whoever IAM lets assume it recovers files",
        ROLES,
        "Principal: {AWS: !Ref RecoveryPrincipal}",
        "Principal: {AWS: '*'}",
        "r1_nobody_reads_without_the_service_unless_they_are_named",
    ),
    _mutant(
        "R1",
        "whoever IAM lets assume it exports what there is about anybody",
        ROLES,
        "Principal: {AWS: !Ref PrivacyPrincipal}",
        "Principal: {AWS: '*'}",
        "r1_nobody_reads_without_the_service_unless_they_are_named",
    ),
    _mutant(
        "R2",
        "a context may lack the file",
        ROLES,
        "'Null': {'kms:EncryptionContext:file': 'false', 'kms:EncryptionContext:account': 'false'}",
        "'Null': {}",
        CONTEXTS,
    ),
    _mutant(
        "R2",
        "a context may say more",
        ROLES,
        "'ForAllValues:StringEquals': {'kms:EncryptionContextKeys': [file, account]}",
        "'ForAllValues:StringEquals': {}",
        CONTEXTS,
    ),
    _mutant(
        "R2",
        "S3 opens what is in any bucket",
        ROLES,
        "'kms:EncryptionContext:aws:s3:arn': !GetAtt FilesBucket.Arn",
        "'kms:ViaService': !Sub 's3.${AWS::Region}.amazonaws.com'",
        CONTEXTS,
    ),
    _mutant(
        "R2",
        "S3's context is taken from anybody",
        ROLES,
        "'kms:ViaService': !Sub 's3.${AWS::Region}.amazonaws.com'",
        "'kms:EncryptionContext:aws:s3:arn': !GetAtt FilesBucket.Arn",
        CONTEXTS,
    ),
    _mutant(
        "R3",
        "an administrator opens files",
        TEMPLATE,
        "              - kms:CancelKeyDeletion\n",
        "              - kms:CancelKeyDeletion\n              - kms:Decrypt\n",
        ADMINISTRATORS,
    ),
    _mutant(
        "R3",
        "what is for tables is for all",
        TEMPLATE,
        "StringEquals: {'kms:ViaService': !Sub 'dynamodb.${AWS::Region}.amazonaws.com'}",
        "'Null': {'kms:ViaService': 'false'}",
        ADMINISTRATORS,
    ),
    _mutant(
        "R3",
        "an auditor signs",
        TEMPLATE,
        "            Action: kms:VerifyMac",
        "            Action: [kms:VerifyMac, kms:GenerateMac]",
        ADMINISTRATORS,
    ),
    _mutant(
        "R4",
        "a URL for uploads lives for a week",
        TEMPLATE,
        "NumericGreaterThan: {'s3:signatureAge': '3600000'}",
        "NumericGreaterThan: {'s3:signatureAge': '604800000'}",
        URLS,
    ),
    _mutant(
        "R4",
        "a URL for downloads lives for an hour",
        TEMPLATE,
        "NumericGreaterThan: {'s3:signatureAge': '300000'}",
        "NumericGreaterThan: {'s3:signatureAge': '3600000'}",
        URLS,
    ),
    _mutant(
        "R5",
        "on_webhook writes any record",
        ROLES,
        "'ForAllValues:StringLike': {'dynamodb:LeadingKeys': 'DELIVERY#*'}",
        "'ForAllValues:StringLike': {'dynamodb:LeadingKeys': '*'}",
        RECORDS,
    ),
    _mutant(
        "R5",
        "on_webhook reads tokens",
        ROLES,
        "['DELIVERY#*', 'WEBHOOK#*']",
        "['DELIVERY#*', 'WEBHOOK#*', 'TOKEN#*']",
        RECORDS,
    ),
    _mutant(
        "R5",
        "on_change reads any account's anything",
        ROLES,
        "{'dynamodb:LeadingKeys': 'ACCOUNT#*'}",
        "{'dynamodb:LeadingKeys': ['ACCOUNT#*', 'TOKEN#*']}",
        RECORDS,
    ),
    _mutant(
        "R5",
        "on_change reads many of anything",
        ROLES,
        "{'dynamodb:LeadingKeys': 'WEBHOOK#*'}",
        "{'dynamodb:LeadingKeys': '*#*'}",
        RECORDS,
    ),
    _mutant(
        "R5",
        "on_mail makes tokens",
        ROLES,
        "['DOWNLOAD#*', 'DOWNLOADKEY#*', 'INBOX#*', 'MAIL#*']",
        "['DOWNLOAD#*', 'DOWNLOADKEY#*', 'INBOX#*', 'MAIL#*', 'TOKEN*']",
        RECORDS,
    ),
    _mutant(
        "R5",
        "on_upload writes any record",
        ROLES,
        "{'dynamodb:LeadingKeys': ['FILE#*', 'PURSE#*']}",
        "{'dynamodb:LeadingKeys': '*'}",
        RECORDS,
    ),
    _mutant(
        "R5",
        "the sweep removes any record",
        ROLES,
        "['DOWNLOAD#*', 'FILE#*', 'INBOX#*', 'MAIL#*', 'PURGED#*', 'PURSE#*']",
        "'*'",
        RECORDS,
    ),
    _mutant(
        "R5",
        "create_user reads tokens",
        ROLES,
        "              - *read-accounts\n",
        "              - Effect: Allow\n                Action: dynamodb:GetItem\n"
        "                Resource: !GetAtt MetadataTable.Arn\n                Condition:\n"
        "                  'ForAllValues:StringLike': {'dynamodb:LeadingKeys': 'TOKEN#*'}\n",
        RECORDS,
    ),
)
