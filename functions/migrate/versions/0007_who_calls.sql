-- What is shown of a key once it was handed over, and whom it calls as: itself where that is null. A
-- key that takes another's place calls as the same user, whose sessions stay in reach.
alter table api_keys add column prefix text not null default '';
alter table api_keys add column user_id text check (length(user_id) between 1 and 200);
grant insert, update, delete on api_keys to quire_app;

-- Who was shut out, and which tenant is on its way out: none of their calls is served.
alter table users add column revoked_at timestamptz;
alter table tenants add column closed_at timestamptz;

-- The door for callers: a live key of an open tenant, and how the user stands it calls as.
create function find_caller(wanted bytea, named text)
returns table (tenant_id text, id uuid, user_id text, scopes text[], speaks_for_users boolean,
               revoked boolean)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select k.tenant_id, k.id, coalesce(k.user_id, 'key:' || k.id), k.scopes, k.speaks_for_users,
           exists (select from public.users u
                   where u.tenant_id = k.tenant_id and u.revoked_at is not null
                     and u.id = coalesce(named, k.user_id, 'key:' || k.id))
    from public.api_keys k join public.tenants t on t.tenant_id = k.tenant_id
    where k.hash = wanted
      and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now())
      and t.closed_at is null
$$;

-- The doors for the operator, whose tenant is none of those.
create function list_tenants(after_tenant text, most int)
returns table (tenant_id text, name text, created_at timestamptz, closed_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public
as $$
    select t.tenant_id, t.name, t.created_at, t.closed_at from public.tenants t
    where t.tenant_id > after_tenant
    order by t.tenant_id
    limit most
$$;

-- With the key that makes the tenant's others.
create function open_tenant(wanted text, called text, key_prefix text, key_hash bytea, days int)
returns table (tenant_id text, name text, created_at timestamptz, closed_at timestamptz)
language sql volatile security definer set search_path = pg_catalog, public
as $$
    with opened as (
        insert into public.tenants as t (tenant_id, name) values (wanted, called)
        on conflict do nothing
        returning t.tenant_id, t.name, t.created_at, t.closed_at
    ), keyed as (
        insert into public.api_keys (tenant_id, name, prefix, hash, scopes, expires_at)
        select o.tenant_id, 'first', key_prefix, key_hash, '{admin}',
               now() + make_interval(days => days)
        from opened o
    )
    select * from opened
$$;

create function close_tenant(unwanted text)
returns boolean
language sql volatile security definer set search_path = pg_catalog, public
as $$
    update public.tenants t set closed_at = coalesce(t.closed_at, now())
    where t.tenant_id = unwanted
    returning true
$$;

-- Only what was closed before; all rows that are left of it go along.
create function forget_tenant(unwanted text)
returns boolean
language sql volatile security definer set search_path = pg_catalog, public
as $$
    delete from public.tenants t where t.tenant_id = unwanted and t.closed_at is not null
    returning true
$$;

revoke all on function find_caller, list_tenants, open_tenant, close_tenant, forget_tenant
    from public;
grant execute on function find_caller, list_tenants, open_tenant, close_tenant, forget_tenant
    to quire_app;
-- The former door knew nothing of who was shut out.
drop function find_api_key;
