-- A turn's two messages are there from its beginning and share a status. While it is generating,
-- its worker renews the lease: a lease that ran out tells of a crash.
alter table messages add column status text not null default 'complete'
    check (status in ('generating', 'complete', 'incomplete', 'failed'));
alter table messages add column lease_until timestamptz;
alter table messages add column stop_requested boolean not null default false;
-- What was asked, beyond the words: enough to ask it again.
alter table messages add column request jsonb;
-- What a stream has shown beside the answer's own words: enough to show it again.
alter table messages add column opening jsonb;
alter table messages add column sources jsonb;
alter table messages add column outcome jsonb;

-- Rises with everything that changes what a tenant's questions may find.
create table corpora (
    tenant_id   text primary key references tenants on delete cascade,
    generation  bigint not null default 1
);
alter table answer_cache add column generation bigint not null default 0;

-- A tenant's own words to the model.
create table personas (
    tenant_id     text primary key references tenants on delete cascade,
    name          text check (length(name) <= 80),
    instructions  text check (length(instructions) <= 4000),
    refusal       text check (length(refusal) <= 500),
    updated_at    timestamptz not null default now()
);

-- A key is its user's, and goes with them. `claim` is the attempt that holds it; the answer is kept as
-- it was sent, and a `status` without a `body` tells of one that is not to be shown again.
delete from idempotency_keys;
alter table idempotency_keys
    drop constraint idempotency_keys_pkey,
    drop column response,
    add column user_id text not null,
    add column claim uuid not null,
    add column status int,
    add column headers jsonb,
    add column body bytea,
    add primary key (tenant_id, user_id, key),
    add foreign key (tenant_id, user_id) references users on delete cascade;

do $$
declare
    walled text;
begin
    foreach walled in array array['corpora', 'personas'] loop
        execute format('alter table %I enable row level security', walled);
        execute format(
            'create policy tenant on %I
             using (tenant_id = nullif(current_setting(''quire.tenant'', true), ''''))', walled);
    end loop;
end $$;

grant select, insert, update, delete on corpora, personas to quire_app;
