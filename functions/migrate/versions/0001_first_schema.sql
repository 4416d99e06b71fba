-- Every row has a tenant. Foreign keys carry it too, because PostgreSQL checks them without
-- row-level security: a plain id would let one tenant point at another's row.

create table tenants (
    tenant_id   text primary key check (tenant_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name        text not null,
    created_at  timestamptz not null default now()
);

create table users (
    tenant_id   text not null references tenants on delete cascade,
    id          text not null check (length(id) between 1 and 200),
    created_at  timestamptz not null default now(),
    primary key (tenant_id, id)
);

create table api_keys (
    tenant_id   text not null references tenants on delete cascade,
    id          uuid not null default gen_random_uuid(),
    name        text not null,
    hash        bytea not null unique check (length(hash) = 32),
    scopes      text[] not null check (scopes <@ array['ask', 'ingest', 'admin']),
    speaks_for_users boolean not null default false,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz,
    revoked_at  timestamptz,
    primary key (tenant_id, id)
);

create table sessions (
    tenant_id     text not null,
    id            uuid not null,
    user_id       text not null,
    title         text,
    metadata      jsonb not null default '{}',
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    last_accessed timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, user_id) references users on delete cascade
);
create index sessions_by_user on sessions (tenant_id, user_id, id desc);

create table messages (
    tenant_id     text not null,
    id            uuid not null,
    session_id    uuid not null,
    role          text not null check (role in ('user', 'assistant')),
    content       text not null,
    citations     jsonb not null default '[]',
    grounded      boolean,
    model         text,
    prompt_name   text,
    prompt_hash   text,
    usage         jsonb,
    timings       jsonb,
    created_at    timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, session_id) references sessions on delete cascade
);
create index messages_by_session on messages (tenant_id, session_id, id);

create table retrievals (
    tenant_id     text not null,
    message_id    uuid not null,
    rank          int not null,
    chunk_id      uuid not null,
    document_id   uuid not null,
    version       int not null,
    score         double precision not null,
    primary key (tenant_id, message_id, rank),
    foreign key (tenant_id, message_id) references messages on delete cascade
);

create table feedback (
    tenant_id     text not null,
    message_id    uuid not null,
    user_id       text not null,
    rating        text not null check (rating in ('up', 'down')),
    comment       text,
    created_at    timestamptz not null default now(),
    primary key (tenant_id, message_id, user_id),
    foreign key (tenant_id, message_id) references messages on delete cascade,
    foreign key (tenant_id, user_id) references users on delete cascade
);

-- A document outlives its deletion as a tombstone, so that a late event cannot revive it.
create table documents (
    tenant_id       text not null references tenants on delete cascade,
    id              uuid not null,
    filename        text not null,
    title           text not null,
    version         int not null,
    current_version int,
    status          text not null check (status in (
        'awaiting_upload', 'queued', 'extracting', 'embedding', 'ready', 'failed',
        'deleting', 'deleted')),
    sha256          bytea check (length(sha256) = 32),
    sequencer       text,
    lease_until     timestamptz,
    done            int not null default 0,
    total           int not null default 0,
    tokens          bigint not null default 0,
    cost_usd        double precision not null default 0,
    error           text,
    metadata        jsonb not null default '{}',
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    -- Its id is made from its filename, so this keeps both unique.
    primary key (tenant_id, id)
);
create index documents_by_status on documents (tenant_id, status, id);

create table versions (
    tenant_id     text not null,
    document_id   uuid not null,
    version       int not null,
    title         text not null,
    sha256        bytea not null check (length(sha256) = 32),
    chunks        int not null,
    characters    int not null,
    created_at    timestamptz not null default now(),
    primary key (tenant_id, document_id, version),
    foreign key (tenant_id, document_id) references documents on delete cascade
);

create table chunks (
    tenant_id     text not null,
    document_id   uuid not null,
    version       int not null,
    ordinal       int not null,
    id            uuid not null,
    char_start    int not null,
    char_end      int not null check (char_end > char_start),
    page          int,
    heading       text[] not null,
    tokens        int not null,
    sha256        bytea not null check (length(sha256) = 32),
    primary key (tenant_id, document_id, version, ordinal),
    unique (tenant_id, id),
    foreign key (tenant_id, document_id, version) references versions on delete cascade
);

create table jobs (
    tenant_id     text not null references tenants on delete cascade,
    id            uuid not null,
    kind          text not null,
    document_id   uuid,
    status        text not null check (status in ('queued', 'running', 'done', 'failed')),
    done          int not null default 0,
    total         int not null default 0,
    result        jsonb,
    error         text,
    attempts      int not null default 0,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    primary key (tenant_id, id),
    foreign key (tenant_id, document_id) references documents on delete cascade
);
create index jobs_unfinished on jobs (updated_at) where status in ('queued', 'running');

create table embedding_cache (
    tenant_id     text not null references tenants on delete cascade,
    key           bytea not null check (length(key) = 32),
    embedding     bytea not null,
    expires_at    timestamptz not null,
    primary key (tenant_id, key)
);
create index embedding_cache_by_expiry on embedding_cache (expires_at);

create table answer_cache (
    tenant_id     text not null references tenants on delete cascade,
    key           bytea not null check (length(key) = 32),
    answer        jsonb not null,
    expires_at    timestamptz not null,
    primary key (tenant_id, key)
);
create index answer_cache_by_expiry on answer_cache (expires_at);

create table usage (
    tenant_id         text not null references tenants on delete cascade,
    day               date not null,
    model             text not null,
    requests          bigint not null default 0,
    prompt_tokens     bigint not null default 0,
    cached_tokens     bigint not null default 0,
    completion_tokens bigint not null default 0,
    embedding_tokens  bigint not null default 0,
    cost_usd          double precision not null default 0,
    primary key (tenant_id, day, model)
);

create table idempotency_keys (
    tenant_id     text not null references tenants on delete cascade,
    key           text not null check (length(key) between 1 and 255),
    request_hash  bytea not null check (length(request_hash) = 32),
    response      jsonb,
    lease_until   timestamptz not null,
    expires_at    timestamptz not null,
    primary key (tenant_id, key)
);
create index idempotency_keys_by_expiry on idempotency_keys (expires_at);

create table rate_limits (
    tenant_id     text not null references tenants on delete cascade,
    subject       text not null,
    tokens        double precision not null,
    updated_at    timestamptz not null default now(),
    primary key (tenant_id, subject)
);

-- The one table without a tenant: which index all of them are served from.
create table collections (
    name          text primary key,
    model         text not null,
    dimensions    int not null check (dimensions > 0),
    live          boolean not null default false,
    created_at    timestamptz not null default now()
);
create unique index collections_one_live on collections (live) where live;

-- The walls. After a transaction PgBouncer's server connection reads '' where the setting was
-- never made, hence nullif: no tenant, no rows.
do $$
declare
    walled text;
begin
    for walled in
        select table_name from information_schema.columns
        where table_schema = 'public' and column_name = 'tenant_id'
    loop
        execute format('alter table %I enable row level security', walled);
        execute format(
            'create policy tenant on %I
             using (tenant_id = nullif(current_setting(''quire.tenant'', true), ''''))', walled);
    end loop;
end $$;
alter table collections enable row level security;
create policy everyone on collections for select using (true);

-- The two doors through the walls: what must be known before, or without, a tenant.
create function find_api_key(wanted bytea)
returns table (tenant_id text, id uuid, scopes text[], speaks_for_users boolean)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select k.tenant_id, k.id, k.scopes, k.speaks_for_users
    from public.api_keys k
    where k.hash = wanted
      and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
$$;

create function take_forgotten_jobs(idle interval, max_attempts int, most int)
returns table (tenant_id text, id uuid)
language sql volatile security definer set search_path = pg_catalog, public
as $$
    with forgotten as (
        select j.tenant_id, j.id
        from public.jobs j
        where j.status in ('queued', 'running') and j.updated_at < now() - idle
        order by j.updated_at
        limit most
        for update skip locked
    ), taken as (
        update public.jobs j
        set attempts = j.attempts + 1,
            updated_at = now(),
            status = case when j.attempts < max_attempts then j.status else 'failed' end,
            error = case when j.attempts < max_attempts then null
                         else 'It did not end, however often it was tried.' end
        from forgotten f
        where j.tenant_id = f.tenant_id and j.id = f.id
        returning j.tenant_id, j.id, j.status
    )
    select t.tenant_id, t.id from taken t where t.status <> 'failed'
$$;

revoke all on function find_api_key, take_forgotten_jobs from public;
grant execute on function find_api_key, take_forgotten_jobs to quire_app;

grant select, insert, update, delete on
    users, sessions, messages, retrievals, feedback, documents, versions, chunks, jobs,
    embedding_cache, answer_cache, usage, idempotency_keys, rate_limits to quire_app;
grant select on tenants, api_keys, collections to quire_app;
