"""What a turn and a document take. `measured` is from docs/performance.md; all else is assumed."""

HOURS = 730
DAYS = 365 / 12

# A turn, in tokens: eight passages of 220, each with its heading, the prompt and the question.
PROMPT_TOKENS = 2_300
COMPLETION_TOKENS = 250
QUESTION_TOKENS = 20
# How many turns are follow-ups, to be rewritten, and for how many a passage is made up (HyDE;
# measured: a fifth of the benchmark's); in and out.
REWRITTEN, REWRITE_TOKENS = 0.5, (400, 30)
MADE_UP, HYPOTHESIS_TOKENS = 0.2, (100, 100)

# A function waits for the models and is billed meanwhile; CPU at a whole core is measured.
TURN_WAIT_SECONDS = 2.6
TURN_CPU_SECONDS = 0.020
CORE_MB = 1_769
STREAMED = 0.5  # of the turns; these pass the function URL, which costs no request
BESIDE = 1.0  # requests a turn for sessions, messages, documents; each so long
BESIDE_SECONDS = 0.05

VISIT_TURNS = 3
# While somebody is there, and before Neon suspends.
VISIT_HOURS, AWAKE_HOURS = 5 / 60, 5 / 60
NEON_CU = 0.25
SWEEP_HOURS = 6 / 60  # the daily sweep wakes it
TURN_DATABASE_GB = 6e-6
SWITCHES_AN_HOUR = 120  # each sandbox looks after 30 s

TURN_LOG_GB = 5e-6
TURN_OUT_GB = 20e-6
LOG_MONTHS = 3
# A test counts these: names times functions, caches and dependencies; and in the template, where
# an alarm over several metrics is billed as so many.
METRICS = 145
ALARM_METRICS, DASHBOARDS = 63, 1
SECRETS = 4
DEPLOYED_GB = 0.3  # what CDK uploaded: a few layers and bundles

# SQS: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html and the longest poll.
# A mapping with a maximum concurrency, as ours, is not scaled back to two pollers.
QUEUES, POLLERS, POLL_SECONDS = 3, 5, 20
DOCUMENT_MESSAGES = 4  # its event, its watch, a hand-over; each sent, received, deleted

# A document of ten pages; chunks a page (11,831 of 2,000) and CPU a chunk (41 s) are measured.
PAGES = 10
CHUNKS = PAGES * 11_831 / 2_000
CHUNK_TOKENS = 240
CHUNK_SECONDS = 41 / 11_831
DOCUMENT_WAIT_SECONDS = 2.0
DOCUMENT_GB = 1e-3
CHUNK_DATABASE_GB = 0.5e-6
DIMENSIONS = 1_536
# Its graph and payload indexes beside the int8 vectors that Qdrant keeps in memory.
INDEX_OVERHEAD = 1.5
