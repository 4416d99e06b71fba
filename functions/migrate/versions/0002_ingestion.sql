-- A version is written, then served, then retired while turns that saw it may last; once its
-- points and rows are gone it is past, and only its text is left.
alter table versions add column state text not null default 'served'
    check (state in ('writing', 'served', 'retired', 'past'));
alter table versions add column retired_at timestamptz;
update versions v set state = 'retired', retired_at = now()
from documents d
where d.tenant_id = v.tenant_id and d.id = v.document_id
  and v.version is distinct from d.current_version;
create index versions_in_flux on versions (tenant_id, document_id, version)
    where state in ('writing', 'retired');

-- How often a document that stood still was put back on the queue.
alter table documents add column attempts int not null default 0;

-- Whose text it was made of: it goes when that goes.
alter table embedding_cache add column document_id uuid;
create index embedding_cache_by_document on embedding_cache (tenant_id, document_id);

-- Where a job that takes more than one invocation goes on, and what it was asked.
alter table jobs add column cursor jsonb not null default '{}';
alter table jobs add column request jsonb not null default '{}';

-- A new collection is filled beside the live one; what is written meanwhile goes to both.
alter table collections add column building boolean not null default false;
create unique index collections_one_building on collections (building) where building;

drop function take_forgotten_jobs;

-- The doors through the walls that maintenance needs: all tenants' work, and the one row that says
-- which collection is live.
create function unsettled_documents(after_tenant text, after_id uuid, most int)
returns table (tenant_id text, id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select d.tenant_id, d.id
    from public.documents d
    where (d.tenant_id, d.id) > (after_tenant, after_id)
      and (d.status in ('awaiting_upload', 'queued', 'extracting', 'embedding', 'deleting')
           or exists (select from public.versions v
                      where v.tenant_id = d.tenant_id and v.document_id = d.id
                        and v.state in ('writing', 'retired')))
    order by d.tenant_id, d.id
    limit most
$$;

create function unfinished_jobs(most int)
returns table (tenant_id text, id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select j.tenant_id, j.id from public.jobs j
    where j.status in ('queued', 'running')
    order by j.updated_at
    limit most
$$;

create function served_documents(after_tenant text, after_id uuid, most int)
returns table (tenant_id text, id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select d.tenant_id, d.id
    from public.documents d
    where (d.tenant_id, d.id) > (after_tenant, after_id)
      and d.current_version is not null and d.status not in ('deleting', 'deleted')
    order by d.tenant_id, d.id
    limit most
$$;

create function count_served_documents()
returns bigint
language sql stable security definer set search_path = pg_catalog, public
as $$
    select count(*) from public.documents d
    where d.current_version is not null and d.status not in ('deleting', 'deleted')
$$;

create function build_collection(wanted text, wanted_model text, wanted_dimensions int)
returns void
language sql volatile security definer set search_path = pg_catalog, public
as $$
    insert into public.collections (name, model, dimensions, building)
    values (wanted, wanted_model, wanted_dimensions, true)
    on conflict (name) do update set building = not collections.live
$$;

create function switch_collection(wanted text)
returns table (name text, model text, dimensions int)
language plpgsql volatile security definer set search_path = pg_catalog, public
as $$
#variable_conflict use_column
begin
    -- One at a time: the unique indexes are checked row by row.
    update public.collections set live = false
    where live and name <> wanted
      and exists (select from public.collections b where b.name = wanted and b.building);
    update public.collections set live = true, building = false
    where name = wanted and building;
    return query select c.name, c.model, c.dimensions from public.collections c where c.live;
end
$$;

create function forget_collection(unwanted text)
returns void
language sql volatile security definer set search_path = pg_catalog, public
as $$
    delete from public.collections c where c.name = unwanted and not c.live
$$;

create function expire_caches()
returns bigint
language sql volatile security definer set search_path = pg_catalog, public
as $$
    with embeddings as (
        delete from public.embedding_cache where expires_at < now() returning 1
    ), answers as (
        delete from public.answer_cache where expires_at < now() returning 1
    ), requests as (
        delete from public.idempotency_keys where expires_at < now() returning 1
    )
    select (select count(*) from embeddings) + (select count(*) from answers)
         + (select count(*) from requests)
$$;

revoke all on function unsettled_documents, unfinished_jobs, served_documents,
    count_served_documents, build_collection, switch_collection, forget_collection, expire_caches
    from public;
grant execute on function unsettled_documents, unfinished_jobs, served_documents,
    count_served_documents, build_collection, switch_collection, forget_collection, expire_caches
    to quire_app;
