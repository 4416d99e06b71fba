-- Whose session an answer tells of: it goes with that, whichever user's request it was.
alter table idempotency_keys add column session_id uuid;
create index idempotency_keys_by_session on idempotency_keys (tenant_id, session_id)
    where session_id is not null;
-- What was kept so far names none, and so could not be forgotten.
update idempotency_keys set headers = null, body = null where body is not null;
