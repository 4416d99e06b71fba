-- A version's worker may write until its lease ends, though a newer one was claimed meanwhile. The
-- document has the newest claim and its lease: what decides whether another may claim that version.
alter table versions add column claim uuid;
alter table versions add column lease_until timestamptz;
alter table documents add column claim uuid;
update versions v set lease_until = d.lease_until
from documents d
where d.tenant_id = v.tenant_id and d.id = v.document_id
  and v.version = d.version and d.lease_until > now();

-- What the bucket held when a deletion was asked for, and is its to take: '' is nothing, and null all
-- there is. What is put there later is a new document's.
alter table documents add column unwanted text;
