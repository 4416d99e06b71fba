-- A user's bucket is full after a minute, and one that is full need not be kept: users of tokens
-- come and go, and each had a row for good. Keys' and tenants' are few, and go with them.
create or replace function expire_caches(most int)
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
    ), users as (
        delete from public.rate_limits where ctid = any(array(
            select ctid from public.rate_limits
            where subject like 'user:%' and updated_at < now() - interval '7 days'
            limit most for update skip locked)) returning 1
    )
    select (select count(*) from embeddings) + (select count(*) from answers)
         + (select count(*) from requests) + (select count(*) from users)
$$;
