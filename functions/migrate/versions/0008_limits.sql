-- What a tenant may do, where that is not what the stage allows all of them (null). Requests are a
-- minute's, of each key and of all; tokens and dollars a day's (UTC); streams are those at once.
create table limits (
    tenant_id     text primary key references tenants on delete cascade,
    key_requests  int check (key_requests > 0),
    requests      int check (requests > 0),
    streams       int check (streams >= 0),
    tokens        bigint check (tokens >= 0),
    dollars       double precision check (dollars >= 0),
    updated_at    timestamptz not null default now()
);

-- One that was not ended, as its worker died, counts no longer after `until`.
create table streams (
    tenant_id     text not null references tenants on delete cascade,
    id            uuid not null,
    until         timestamptz not null,
    primary key (tenant_id, id)
);

-- A row a key, written with every request: room for its next version on the same page.
alter table rate_limits set (fillfactor = 50);

do $$
declare
    walled text;
begin
    foreach walled in array array['limits', 'streams'] loop
        execute format('alter table %I enable row level security', walled);
        execute format(
            'create policy tenant on %I
             using (tenant_id = nullif(current_setting(''quire.tenant'', true), ''''))', walled);
    end loop;
end $$;

grant select, insert, update, delete on limits, streams to quire_app;
