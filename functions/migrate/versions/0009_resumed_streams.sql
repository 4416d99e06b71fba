-- Of a stream that tells a turn again, the stream that the turn began with: an answer's id.
alter table streams add column resumes uuid;
