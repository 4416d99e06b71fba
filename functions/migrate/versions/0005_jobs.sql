-- A job's step is one worker's at a time: nobody else takes one before `lease_until`.
alter table jobs add column lease_until timestamptz;

drop function served_documents, unfinished_jobs, expire_caches;

-- What changed `since` is in it too, tombstones and all: of these an index may hold too much.
create function documents_to_fill(
    after_tenant text, after_id uuid, since timestamptz, most int)
returns table (tenant_id text, id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select d.tenant_id, d.id
    from public.documents d
    where (d.tenant_id, d.id) > (after_tenant, after_id)
      and (d.current_version is not null and d.status not in ('deleting', 'deleted')
           or d.updated_at >= since)
    order by d.tenant_id, d.id
    limit most
$$;

create function unfinished_jobs(after_tenant text, after_id uuid, most int)
returns table (tenant_id text, id uuid)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select j.tenant_id, j.id from public.jobs j
    where (j.tenant_id, j.id) > (after_tenant, after_id) and j.status in ('queued', 'running')
    order by j.tenant_id, j.id
    limit most
$$;

-- `most` rows of each cache: a statement has seconds, and a backlog may have millions.
create function expire_caches(most int)
returns bigint
language sql volatile security definer set search_path = pg_catalog, public
as $$
    with embeddings as (
        delete from public.embedding_cache where ctid = any(array(
            select ctid from public.embedding_cache where expires_at < now()
            limit most for update skip locked)) returning 1
    ), answers as (
        delete from public.answer_cache where ctid = any(array(
            select ctid from public.answer_cache where expires_at < now()
            limit most for update skip locked)) returning 1
    ), requests as (
        delete from public.idempotency_keys where ctid = any(array(
            select ctid from public.idempotency_keys where expires_at < now()
            limit most for update skip locked)) returning 1
    )
    select (select count(*) from embeddings) + (select count(*) from answers)
         + (select count(*) from requests)
$$;

revoke all on function documents_to_fill, unfinished_jobs, expire_caches from public;
grant execute on function documents_to_fill, unfinished_jobs, expire_caches to quire_app;
