CREATE TABLE recorded.deliveries (
    id bigint NOT NULL,
    message_id text NOT NULL,
    event text,
    subscription text NOT NULL,
    action_slug text NOT NULL,
    verdict text NOT NULL,
    reason text,
    attempts text NOT NULL,
    request text,
    response text,
    findings text NOT NULL,
    code text,
    upsert text,
    batch text,
    changes text
);
CREATE SEQUENCE recorded.deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.deliveries_id_seq OWNED BY recorded.deliveries.id;
CREATE TABLE recorded.destination_changes (
    basis text NOT NULL,
    changes text NOT NULL
);
CREATE TABLE recorded.differences (
    id bigint NOT NULL,
    signature text NOT NULL,
    times bigint NOT NULL,
    at text NOT NULL,
    document text NOT NULL
);
CREATE SEQUENCE recorded.differences_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.differences_id_seq OWNED BY recorded.differences.id;
CREATE TABLE recorded.forgotten (
    id bigint NOT NULL,
    message_id text NOT NULL,
    received_at text NOT NULL
);
CREATE SEQUENCE recorded.forgotten_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.forgotten_id_seq OWNED BY recorded.forgotten.id;
CREATE TABLE recorded.identifiers (
    identifier text NOT NULL,
    profile_id text NOT NULL
);
CREATE TABLE recorded.integrations (
    id bigint NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    origin text NOT NULL,
    key_digest text NOT NULL,
    key_shown text NOT NULL,
    created_at text NOT NULL,
    created_by text,
    revoked_at text
);
CREATE SEQUENCE recorded.integrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.integrations_id_seq OWNED BY recorded.integrations.id;
CREATE TABLE recorded.journey_runs (
    id bigint NOT NULL,
    journey_id bigint NOT NULL,
    profile_id text NOT NULL,
    entered_at text NOT NULL,
    mark text NOT NULL,
    element text,
    due_at text,
    status text NOT NULL,
    ended_at text,
    watched_until text,
    goals text NOT NULL
);
CREATE SEQUENCE recorded.journey_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.journey_runs_id_seq OWNED BY recorded.journey_runs.id;
CREATE TABLE recorded.journey_trails (
    number bigint NOT NULL,
    run_id bigint NOT NULL,
    at text NOT NULL,
    kind text NOT NULL,
    what text NOT NULL,
    element text,
    details text NOT NULL
);
CREATE SEQUENCE recorded.journey_trails_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.journey_trails_number_seq OWNED BY recorded.journey_trails.number;
CREATE TABLE recorded.messages (
    id bigint NOT NULL,
    message_id text NOT NULL,
    type text,
    event text,
    user_id text,
    anonymous_id text,
    received_at text NOT NULL,
    verdict text NOT NULL,
    reason text,
    sent text NOT NULL,
    normalised text NOT NULL,
    source text,
    filtering text
);
CREATE SEQUENCE recorded.messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.messages_id_seq OWNED BY recorded.messages.id;
CREATE TABLE recorded.profile_events (
    number bigint NOT NULL,
    profile_id text NOT NULL,
    fingerprint text NOT NULL,
    name text NOT NULL,
    sent_as text NOT NULL,
    "timestamp" text NOT NULL,
    occurred_at text NOT NULL,
    params text NOT NULL,
    received_at text NOT NULL,
    skip_hook boolean NOT NULL
);
CREATE SEQUENCE recorded.profile_events_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.profile_events_number_seq OWNED BY recorded.profile_events.number;
CREATE TABLE recorded.profiles (
    number bigint NOT NULL,
    id text NOT NULL,
    identifiers text NOT NULL,
    attributes text NOT NULL,
    written text NOT NULL,
    trail text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL
);
CREATE SEQUENCE recorded.profiles_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.profiles_number_seq OWNED BY recorded.profiles.number;
CREATE TABLE recorded.sandboxes (
    id text NOT NULL,
    workspace text NOT NULL,
    write_key text NOT NULL,
    account text NOT NULL,
    key text NOT NULL,
    created_at text NOT NULL
);
CREATE TABLE recorded.scenario_runs (
    id bigint NOT NULL,
    run text NOT NULL
);
CREATE SEQUENCE recorded.scenario_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.scenario_runs_id_seq OWNED BY recorded.scenario_runs.id;
CREATE TABLE recorded.schema_version (
    version integer NOT NULL
);
CREATE TABLE recorded.upserts (
    id text NOT NULL,
    request text NOT NULL,
    response text,
    attempts text NOT NULL,
    due_at text,
    batched boolean NOT NULL,
    notes text NOT NULL
);
CREATE TABLE recorded.waiting (
    id bigint NOT NULL,
    message text NOT NULL
);
CREATE SEQUENCE recorded.waiting_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE recorded.waiting_id_seq OWNED BY recorded.waiting.id;
CREATE TABLE "recorded:red".deliveries (
    id bigint NOT NULL,
    message_id text NOT NULL,
    event text,
    subscription text NOT NULL,
    action_slug text NOT NULL,
    verdict text NOT NULL,
    reason text,
    attempts text NOT NULL,
    request text,
    response text,
    findings text NOT NULL,
    code text,
    upsert text,
    batch text,
    changes text
);
CREATE SEQUENCE "recorded:red".deliveries_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".deliveries_id_seq OWNED BY "recorded:red".deliveries.id;
CREATE TABLE "recorded:red".destination_changes (
    basis text NOT NULL,
    changes text NOT NULL
);
CREATE TABLE "recorded:red".differences (
    id bigint NOT NULL,
    signature text NOT NULL,
    times bigint NOT NULL,
    at text NOT NULL,
    document text NOT NULL
);
CREATE SEQUENCE "recorded:red".differences_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".differences_id_seq OWNED BY "recorded:red".differences.id;
CREATE TABLE "recorded:red".forgotten (
    id bigint NOT NULL,
    message_id text NOT NULL,
    received_at text NOT NULL
);
CREATE SEQUENCE "recorded:red".forgotten_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".forgotten_id_seq OWNED BY "recorded:red".forgotten.id;
CREATE TABLE "recorded:red".identifiers (
    identifier text NOT NULL,
    profile_id text NOT NULL
);
CREATE TABLE "recorded:red".integrations (
    id bigint NOT NULL,
    name text NOT NULL,
    type text NOT NULL,
    origin text NOT NULL,
    key_digest text NOT NULL,
    key_shown text NOT NULL,
    created_at text NOT NULL,
    created_by text,
    revoked_at text
);
CREATE SEQUENCE "recorded:red".integrations_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".integrations_id_seq OWNED BY "recorded:red".integrations.id;
CREATE TABLE "recorded:red".journey_runs (
    id bigint NOT NULL,
    journey_id bigint NOT NULL,
    profile_id text NOT NULL,
    entered_at text NOT NULL,
    mark text NOT NULL,
    element text,
    due_at text,
    status text NOT NULL,
    ended_at text,
    watched_until text,
    goals text NOT NULL
);
CREATE SEQUENCE "recorded:red".journey_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".journey_runs_id_seq OWNED BY "recorded:red".journey_runs.id;
CREATE TABLE "recorded:red".journey_trails (
    number bigint NOT NULL,
    run_id bigint NOT NULL,
    at text NOT NULL,
    kind text NOT NULL,
    what text NOT NULL,
    element text,
    details text NOT NULL
);
CREATE SEQUENCE "recorded:red".journey_trails_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".journey_trails_number_seq OWNED BY "recorded:red".journey_trails.number;
CREATE TABLE "recorded:red".messages (
    id bigint NOT NULL,
    message_id text NOT NULL,
    type text,
    event text,
    user_id text,
    anonymous_id text,
    received_at text NOT NULL,
    verdict text NOT NULL,
    reason text,
    sent text NOT NULL,
    normalised text NOT NULL,
    source text,
    filtering text
);
CREATE SEQUENCE "recorded:red".messages_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".messages_id_seq OWNED BY "recorded:red".messages.id;
CREATE TABLE "recorded:red".profile_events (
    number bigint NOT NULL,
    profile_id text NOT NULL,
    fingerprint text NOT NULL,
    name text NOT NULL,
    sent_as text NOT NULL,
    "timestamp" text NOT NULL,
    occurred_at text NOT NULL,
    params text NOT NULL,
    received_at text NOT NULL,
    skip_hook boolean NOT NULL
);
CREATE SEQUENCE "recorded:red".profile_events_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".profile_events_number_seq OWNED BY "recorded:red".profile_events.number;
CREATE TABLE "recorded:red".profiles (
    number bigint NOT NULL,
    id text NOT NULL,
    identifiers text NOT NULL,
    attributes text NOT NULL,
    written text NOT NULL,
    trail text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL
);
CREATE SEQUENCE "recorded:red".profiles_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".profiles_number_seq OWNED BY "recorded:red".profiles.number;
CREATE TABLE "recorded:red".sandboxes (
    id text NOT NULL,
    workspace text NOT NULL,
    write_key text NOT NULL,
    account text NOT NULL,
    key text NOT NULL,
    created_at text NOT NULL
);
CREATE TABLE "recorded:red".scenario_runs (
    id bigint NOT NULL,
    run text NOT NULL
);
CREATE SEQUENCE "recorded:red".scenario_runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".scenario_runs_id_seq OWNED BY "recorded:red".scenario_runs.id;
CREATE TABLE "recorded:red".schema_version (
    version integer NOT NULL
);
CREATE TABLE "recorded:red".upserts (
    id text NOT NULL,
    request text NOT NULL,
    response text,
    attempts text NOT NULL,
    due_at text,
    batched boolean NOT NULL,
    notes text NOT NULL
);
CREATE TABLE "recorded:red".waiting (
    id bigint NOT NULL,
    message text NOT NULL
);
CREATE SEQUENCE "recorded:red".waiting_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE "recorded:red".waiting_id_seq OWNED BY "recorded:red".waiting.id;
ALTER TABLE ONLY recorded.deliveries ALTER COLUMN id SET DEFAULT nextval('recorded.deliveries_id_seq'::regclass);
ALTER TABLE ONLY recorded.differences ALTER COLUMN id SET DEFAULT nextval('recorded.differences_id_seq'::regclass);
ALTER TABLE ONLY recorded.forgotten ALTER COLUMN id SET DEFAULT nextval('recorded.forgotten_id_seq'::regclass);
ALTER TABLE ONLY recorded.integrations ALTER COLUMN id SET DEFAULT nextval('recorded.integrations_id_seq'::regclass);
ALTER TABLE ONLY recorded.journey_runs ALTER COLUMN id SET DEFAULT nextval('recorded.journey_runs_id_seq'::regclass);
ALTER TABLE ONLY recorded.journey_trails ALTER COLUMN number SET DEFAULT nextval('recorded.journey_trails_number_seq'::regclass);
ALTER TABLE ONLY recorded.messages ALTER COLUMN id SET DEFAULT nextval('recorded.messages_id_seq'::regclass);
ALTER TABLE ONLY recorded.profile_events ALTER COLUMN number SET DEFAULT nextval('recorded.profile_events_number_seq'::regclass);
ALTER TABLE ONLY recorded.profiles ALTER COLUMN number SET DEFAULT nextval('recorded.profiles_number_seq'::regclass);
ALTER TABLE ONLY recorded.scenario_runs ALTER COLUMN id SET DEFAULT nextval('recorded.scenario_runs_id_seq'::regclass);
ALTER TABLE ONLY recorded.waiting ALTER COLUMN id SET DEFAULT nextval('recorded.waiting_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".deliveries ALTER COLUMN id SET DEFAULT nextval('"recorded:red".deliveries_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".differences ALTER COLUMN id SET DEFAULT nextval('"recorded:red".differences_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".forgotten ALTER COLUMN id SET DEFAULT nextval('"recorded:red".forgotten_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".integrations ALTER COLUMN id SET DEFAULT nextval('"recorded:red".integrations_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".journey_runs ALTER COLUMN id SET DEFAULT nextval('"recorded:red".journey_runs_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".journey_trails ALTER COLUMN number SET DEFAULT nextval('"recorded:red".journey_trails_number_seq'::regclass);
ALTER TABLE ONLY "recorded:red".messages ALTER COLUMN id SET DEFAULT nextval('"recorded:red".messages_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".profile_events ALTER COLUMN number SET DEFAULT nextval('"recorded:red".profile_events_number_seq'::regclass);
ALTER TABLE ONLY "recorded:red".profiles ALTER COLUMN number SET DEFAULT nextval('"recorded:red".profiles_number_seq'::regclass);
ALTER TABLE ONLY "recorded:red".scenario_runs ALTER COLUMN id SET DEFAULT nextval('"recorded:red".scenario_runs_id_seq'::regclass);
ALTER TABLE ONLY "recorded:red".waiting ALTER COLUMN id SET DEFAULT nextval('"recorded:red".waiting_id_seq'::regclass);
INSERT INTO recorded.deliveries VALUES (1, 'm1', NULL, 'Create or Update a User Profile', 'updateUserProfile', 'accepted', NULL, '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":48.939,"status":200,"error":null}]', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{},\"email\":\"ada@example.com\"},\"attributes\":{\"email\":\"ada@example.com\"},\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":200,"body":"{\"data\":{\"successful\":{\"count\":1},\"fail\":{}}}"}', '[]', NULL, NULL, NULL, '[{"profile":"46adc6e8-b6c2-4e0b-a6f3-5971b72e6ff3","created":true,"absorbed":[],"identifiers":["uuid:ada","email:ada@example.com"],"attributes":{"uuid":[null,"ada"],"email":[null,"ada@example.com"]},"events":[],"users":[0]}]');
INSERT INTO recorded.deliveries VALUES (2, 'm2', 'Song Played', 'Track Event', 'trackEvent', 'accepted', NULL, '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":9.774,"status":200,"error":null}]', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:00:00.000Z\",\"event_params\":{\"custom\":{\"song\":\"Aria\"}}}],\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":200,"body":"{\"data\":{\"successful\":{\"count\":1},\"fail\":{}}}"}', '[]', NULL, NULL, NULL, '[{"profile":"46adc6e8-b6c2-4e0b-a6f3-5971b72e6ff3","created":false,"absorbed":[],"identifiers":[],"attributes":{},"events":["song_played"],"users":[0]}]');
INSERT INTO recorded.deliveries VALUES (3, 'm3', 'Song Played', 'Track Event', 'trackEvent', 'retrying', 'Insider One answered 503: {}; attempt 1, the next is due at 2026-11-23T10:00:01.252Z', '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":0.124,"status":503,"error":null}]', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:05:00.000Z\",\"event_params\":{\"custom\":{\"song\":\"Fugue\"}}}],\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":503,"body":"{}"}', '[]', '503', '174eab0a0fe34aebb8a8a87d0d0d7a57', NULL, NULL);
INSERT INTO recorded.identifiers VALUES ('uuid:ada', '46adc6e8-b6c2-4e0b-a6f3-5971b72e6ff3');
INSERT INTO recorded.identifiers VALUES ('email:ada@example.com', '46adc6e8-b6c2-4e0b-a6f3-5971b72e6ff3');
INSERT INTO recorded.integrations VALUES (1, 'Workspace file', 'Source', 'workspace', '62af8704764faf8ea82fc61ce9c4c3908b6cb97d463a634e9e587d7c885db0ef', 'te…', '2026-11-23T10:00:00.000Z', NULL, NULL);
INSERT INTO recorded.messages VALUES (1, 'm1', 'identify', NULL, 'ada', NULL, '2026-11-23T10:00:00.000Z', 'accepted', NULL, '{"messageId":"m1","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","traits":{"email":"ada@example.com"}}', '{"messageId":"m1","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","traits":{"email":"ada@example.com"},"type":"identify","receivedAt":"2026-11-23T10:00:00.000Z","originalTimestamp":"2026-11-23T10:00:00.000Z"}', 'Web shop', '{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO recorded.messages VALUES (2, 'm2', 'track', 'Song Played', 'ada', NULL, '2026-11-23T10:00:00.000Z', 'accepted', NULL, '{"messageId":"m2","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Aria"}}', '{"messageId":"m2","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Aria"},"type":"track","receivedAt":"2026-11-23T10:00:00.000Z","originalTimestamp":"2026-11-23T10:00:00.000Z"}', 'Web shop', '{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO recorded.messages VALUES (3, 'm3', 'track', 'Song Played', 'ada', NULL, '2026-11-23T10:00:00.000Z', 'retrying', 'Insider One answered 503: {}; attempt 1, the next is due at 2026-11-23T10:00:01.252Z', '{"messageId":"m3","userId":"ada","timestamp":"2026-11-23T10:05:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Fugue"}}', '{"messageId":"m3","userId":"ada","timestamp":"2026-11-23T10:05:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Fugue"},"type":"track","receivedAt":"2026-11-23T10:00:00.000Z","originalTimestamp":"2026-11-23T10:05:00.000Z"}', 'Web shop', '{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO recorded.profile_events VALUES (1, '46adc6e8-b6c2-4e0b-a6f3-5971b72e6ff3', 'a1946c59c4e2c1718979ee373fb36559', 'song_played', 'song_played', '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z', '{"custom":{"song":"Aria"}}', '2026-11-23T10:00:00.000Z', false);
INSERT INTO recorded.profiles VALUES (1, '46adc6e8-b6c2-4e0b-a6f3-5971b72e6ff3', '{"uuid":["ada"],"email":["ada@example.com"]}', '{"uuid":"ada","email":"ada@example.com"}', '{"uuid":"2026-11-23T10:00:00.000Z","email":"2026-11-23T10:00:00.000Z"}', '[]', '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z');
INSERT INTO recorded.sandboxes VALUES ('red', 'null', 'wk_red', 'redshop', 'k-red', '2026-11-23T10:00:00.000Z');
INSERT INTO recorded.schema_version VALUES (5);
INSERT INTO recorded.upserts VALUES ('174eab0a0fe34aebb8a8a87d0d0d7a57', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:05:00.000Z\",\"event_params\":{\"custom\":{\"song\":\"Fugue\"}}}],\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":503,"body":"{}"}', '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":0.124,"status":503,"error":null}]', '2026-11-23T10:00:01.252Z', false, '{"m3":null}');
INSERT INTO "recorded:red".deliveries VALUES (1, 'm1', NULL, 'Create or Update a User Profile', 'updateUserProfile', 'accepted', NULL, '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":19.78,"status":200,"error":null}]', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"redshop","x-request-token":"k-…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{},\"email\":\"ada@example.com\"},\"attributes\":{\"email\":\"ada@example.com\"},\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":200,"body":"{\"data\":{\"successful\":{\"count\":1},\"fail\":{}}}"}', '[]', NULL, NULL, NULL, '[{"profile":"c1371fa0-3259-41a3-ab44-b0f3dde97de2","created":true,"absorbed":[],"identifiers":["uuid:ada","email:ada@example.com"],"attributes":{"uuid":[null,"ada"],"email":[null,"ada@example.com"]},"events":[],"users":[0]}]');
INSERT INTO "recorded:red".deliveries VALUES (2, 'm2', 'Song Played', 'Track Event', 'trackEvent', 'accepted', NULL, '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":1.905,"status":200,"error":null}]', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"redshop","x-request-token":"k-…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:00:00.000Z\",\"event_params\":{\"custom\":{\"song\":\"Aria\"}}}],\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":200,"body":"{\"data\":{\"successful\":{\"count\":1},\"fail\":{}}}"}', '[]', NULL, NULL, NULL, '[{"profile":"c1371fa0-3259-41a3-ab44-b0f3dde97de2","created":false,"absorbed":[],"identifiers":[],"attributes":{},"events":["song_played"],"users":[0]}]');
INSERT INTO "recorded:red".deliveries VALUES (3, 'm3', 'Song Played', 'Track Event', 'trackEvent', 'retrying', 'Insider One answered 503: {}; attempt 1, the next is due at 2026-11-23T10:00:01.252Z', '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":3.457,"status":503,"error":null}]', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"redshop","x-request-token":"k-…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:05:00.000Z\",\"event_params\":{\"custom\":{\"song\":\"Fugue\"}}}],\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":503,"body":"{}"}', '[]', '503', '242eba5f1a9749f3a5d71d5bfaa80b3c', NULL, NULL);
INSERT INTO "recorded:red".identifiers VALUES ('uuid:ada', 'c1371fa0-3259-41a3-ab44-b0f3dde97de2');
INSERT INTO "recorded:red".identifiers VALUES ('email:ada@example.com', 'c1371fa0-3259-41a3-ab44-b0f3dde97de2');
INSERT INTO "recorded:red".integrations VALUES (1, 'Workspace file', 'Source', 'workspace', '69e9ba3419190b7b05288eabfb78eb7e2375ff0e1215edb4af8023321d9a344a', 'k-…', '2026-11-23T10:00:00.000Z', NULL, NULL);
INSERT INTO "recorded:red".messages VALUES (1, 'm1', 'identify', NULL, 'ada', NULL, '2026-11-23T10:00:00.000Z', 'accepted', NULL, '{"messageId":"m1","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","traits":{"email":"ada@example.com"}}', '{"messageId":"m1","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","traits":{"email":"ada@example.com"},"type":"identify","receivedAt":"2026-11-23T10:00:00.000Z","originalTimestamp":"2026-11-23T10:00:00.000Z"}', 'Web shop', '{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO "recorded:red".messages VALUES (2, 'm2', 'track', 'Song Played', 'ada', NULL, '2026-11-23T10:00:00.000Z', 'accepted', NULL, '{"messageId":"m2","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Aria"}}', '{"messageId":"m2","userId":"ada","timestamp":"2026-11-23T10:00:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Aria"},"type":"track","receivedAt":"2026-11-23T10:00:00.000Z","originalTimestamp":"2026-11-23T10:00:00.000Z"}', 'Web shop', '{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO "recorded:red".messages VALUES (3, 'm3', 'track', 'Song Played', 'ada', NULL, '2026-11-23T10:00:00.000Z', 'retrying', 'Insider One answered 503: {}; attempt 1, the next is due at 2026-11-23T10:00:01.252Z', '{"messageId":"m3","userId":"ada","timestamp":"2026-11-23T10:05:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Fugue"}}', '{"messageId":"m3","userId":"ada","timestamp":"2026-11-23T10:05:00.000Z","sentAt":"2026-11-23T10:00:00.000Z","event":"Song Played","properties":{"song":"Fugue"},"type":"track","receivedAt":"2026-11-23T10:00:00.000Z","originalTimestamp":"2026-11-23T10:05:00.000Z"}', 'Web shop', '{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO "recorded:red".profile_events VALUES (1, 'c1371fa0-3259-41a3-ab44-b0f3dde97de2', 'a1946c59c4e2c1718979ee373fb36559', 'song_played', 'song_played', '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z', '{"custom":{"song":"Aria"}}', '2026-11-23T10:00:00.000Z', false);
INSERT INTO "recorded:red".profiles VALUES (1, 'c1371fa0-3259-41a3-ab44-b0f3dde97de2', '{"uuid":["ada"],"email":["ada@example.com"]}', '{"uuid":"ada","email":"ada@example.com"}', '{"uuid":"2026-11-23T10:00:00.000Z","email":"2026-11-23T10:00:00.000Z"}', '[]', '2026-11-23T10:00:00.000Z', '2026-11-23T10:00:00.000Z');
INSERT INTO "recorded:red".schema_version VALUES (5);
INSERT INTO "recorded:red".upserts VALUES ('242eba5f1a9749f3a5d71d5bfaa80b3c', '{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"redshop","x-request-token":"k-…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:05:00.000Z\",\"event_params\":{\"custom\":{\"song\":\"Fugue\"}}}],\"not_append\":true}],\"platform\":\"segment\"}"}', '{"status":503,"body":"{}"}', '[{"number":1,"at":"2026-11-23T10:00:00.000Z","duration_ms":3.457,"status":503,"error":null}]', '2026-11-23T10:00:01.252Z', false, '{"m3":null}');
SELECT pg_catalog.setval('recorded.deliveries_id_seq', 3, true);
SELECT pg_catalog.setval('recorded.differences_id_seq', 1, false);
SELECT pg_catalog.setval('recorded.forgotten_id_seq', 1, false);
SELECT pg_catalog.setval('recorded.integrations_id_seq', 1, true);
SELECT pg_catalog.setval('recorded.journey_runs_id_seq', 1, false);
SELECT pg_catalog.setval('recorded.journey_trails_number_seq', 1, false);
SELECT pg_catalog.setval('recorded.messages_id_seq', 3, true);
SELECT pg_catalog.setval('recorded.profile_events_number_seq', 1, true);
SELECT pg_catalog.setval('recorded.profiles_number_seq', 1, true);
SELECT pg_catalog.setval('recorded.scenario_runs_id_seq', 1, false);
SELECT pg_catalog.setval('recorded.waiting_id_seq', 1, false);
SELECT pg_catalog.setval('"recorded:red".deliveries_id_seq', 3, true);
SELECT pg_catalog.setval('"recorded:red".differences_id_seq', 1, false);
SELECT pg_catalog.setval('"recorded:red".forgotten_id_seq', 1, false);
SELECT pg_catalog.setval('"recorded:red".integrations_id_seq', 1, true);
SELECT pg_catalog.setval('"recorded:red".journey_runs_id_seq', 1, false);
SELECT pg_catalog.setval('"recorded:red".journey_trails_number_seq', 1, false);
SELECT pg_catalog.setval('"recorded:red".messages_id_seq', 3, true);
SELECT pg_catalog.setval('"recorded:red".profile_events_number_seq', 1, true);
SELECT pg_catalog.setval('"recorded:red".profiles_number_seq', 1, true);
SELECT pg_catalog.setval('"recorded:red".scenario_runs_id_seq', 1, false);
SELECT pg_catalog.setval('"recorded:red".waiting_id_seq', 1, false);
ALTER TABLE ONLY recorded.deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.destination_changes
    ADD CONSTRAINT destination_changes_pkey PRIMARY KEY (basis);
ALTER TABLE ONLY recorded.differences
    ADD CONSTRAINT differences_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.differences
    ADD CONSTRAINT differences_signature_key UNIQUE (signature);
ALTER TABLE ONLY recorded.forgotten
    ADD CONSTRAINT forgotten_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.identifiers
    ADD CONSTRAINT identifiers_pkey PRIMARY KEY (identifier);
ALTER TABLE ONLY recorded.integrations
    ADD CONSTRAINT integrations_key_digest_key UNIQUE (key_digest);
ALTER TABLE ONLY recorded.integrations
    ADD CONSTRAINT integrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.journey_runs
    ADD CONSTRAINT journey_runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.journey_trails
    ADD CONSTRAINT journey_trails_pkey PRIMARY KEY (number);
ALTER TABLE ONLY recorded.messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.profile_events
    ADD CONSTRAINT profile_events_pkey PRIMARY KEY (number);
ALTER TABLE ONLY recorded.profiles
    ADD CONSTRAINT profiles_id_key UNIQUE (id);
ALTER TABLE ONLY recorded.profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (number);
ALTER TABLE ONLY recorded.sandboxes
    ADD CONSTRAINT sandboxes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.scenario_runs
    ADD CONSTRAINT scenario_runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.upserts
    ADD CONSTRAINT upserts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY recorded.waiting
    ADD CONSTRAINT waiting_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".deliveries
    ADD CONSTRAINT deliveries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".destination_changes
    ADD CONSTRAINT destination_changes_pkey PRIMARY KEY (basis);
ALTER TABLE ONLY "recorded:red".differences
    ADD CONSTRAINT differences_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".differences
    ADD CONSTRAINT differences_signature_key UNIQUE (signature);
ALTER TABLE ONLY "recorded:red".forgotten
    ADD CONSTRAINT forgotten_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".identifiers
    ADD CONSTRAINT identifiers_pkey PRIMARY KEY (identifier);
ALTER TABLE ONLY "recorded:red".integrations
    ADD CONSTRAINT integrations_key_digest_key UNIQUE (key_digest);
ALTER TABLE ONLY "recorded:red".integrations
    ADD CONSTRAINT integrations_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".journey_runs
    ADD CONSTRAINT journey_runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".journey_trails
    ADD CONSTRAINT journey_trails_pkey PRIMARY KEY (number);
ALTER TABLE ONLY "recorded:red".messages
    ADD CONSTRAINT messages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".profile_events
    ADD CONSTRAINT profile_events_pkey PRIMARY KEY (number);
ALTER TABLE ONLY "recorded:red".profiles
    ADD CONSTRAINT profiles_id_key UNIQUE (id);
ALTER TABLE ONLY "recorded:red".profiles
    ADD CONSTRAINT profiles_pkey PRIMARY KEY (number);
ALTER TABLE ONLY "recorded:red".sandboxes
    ADD CONSTRAINT sandboxes_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".scenario_runs
    ADD CONSTRAINT scenario_runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".upserts
    ADD CONSTRAINT upserts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY "recorded:red".waiting
    ADD CONSTRAINT waiting_pkey PRIMARY KEY (id);
CREATE INDEX deliveries_taken ON recorded.deliveries USING btree (subscription, message_id);
CREATE INDEX ix_deliveries_message_id ON recorded.deliveries USING btree (message_id);
CREATE INDEX ix_deliveries_upsert ON recorded.deliveries USING btree (upsert);
CREATE INDEX ix_forgotten_message_id ON recorded.forgotten USING btree (message_id);
CREATE INDEX ix_forgotten_received_at ON recorded.forgotten USING btree (received_at);
CREATE INDEX ix_identifiers_profile_id ON recorded.identifiers USING btree (profile_id);
CREATE INDEX ix_journey_runs_due_at ON recorded.journey_runs USING btree (due_at);
CREATE INDEX ix_journey_trails_run_id ON recorded.journey_trails USING btree (run_id);
CREATE INDEX ix_messages_anonymous_id ON recorded.messages USING btree (anonymous_id);
CREATE INDEX ix_messages_event ON recorded.messages USING btree (event);
CREATE INDEX ix_messages_message_id ON recorded.messages USING btree (message_id);
CREATE INDEX ix_messages_user_id ON recorded.messages USING btree (user_id);
CREATE INDEX ix_messages_verdict ON recorded.messages USING btree (verdict);
CREATE INDEX ix_upserts_due_at ON recorded.upserts USING btree (due_at);
CREATE INDEX journey_runs_in ON recorded.journey_runs USING btree (journey_id, status);
CREATE INDEX journey_runs_of ON recorded.journey_runs USING btree (profile_id, journey_id);
CREATE INDEX messages_counted ON recorded.messages USING btree (received_at, verdict);
CREATE UNIQUE INDEX profile_events_once ON recorded.profile_events USING btree (profile_id, fingerprint);
CREATE INDEX deliveries_taken ON "recorded:red".deliveries USING btree (subscription, message_id);
CREATE INDEX ix_deliveries_message_id ON "recorded:red".deliveries USING btree (message_id);
CREATE INDEX ix_deliveries_upsert ON "recorded:red".deliveries USING btree (upsert);
CREATE INDEX ix_forgotten_message_id ON "recorded:red".forgotten USING btree (message_id);
CREATE INDEX ix_forgotten_received_at ON "recorded:red".forgotten USING btree (received_at);
CREATE INDEX ix_identifiers_profile_id ON "recorded:red".identifiers USING btree (profile_id);
CREATE INDEX ix_journey_runs_due_at ON "recorded:red".journey_runs USING btree (due_at);
CREATE INDEX ix_journey_trails_run_id ON "recorded:red".journey_trails USING btree (run_id);
CREATE INDEX ix_messages_anonymous_id ON "recorded:red".messages USING btree (anonymous_id);
CREATE INDEX ix_messages_event ON "recorded:red".messages USING btree (event);
CREATE INDEX ix_messages_message_id ON "recorded:red".messages USING btree (message_id);
CREATE INDEX ix_messages_user_id ON "recorded:red".messages USING btree (user_id);
CREATE INDEX ix_messages_verdict ON "recorded:red".messages USING btree (verdict);
CREATE INDEX ix_upserts_due_at ON "recorded:red".upserts USING btree (due_at);
CREATE INDEX journey_runs_in ON "recorded:red".journey_runs USING btree (journey_id, status);
CREATE INDEX journey_runs_of ON "recorded:red".journey_runs USING btree (profile_id, journey_id);
CREATE INDEX messages_counted ON "recorded:red".messages USING btree (received_at, verdict);
CREATE UNIQUE INDEX profile_events_once ON "recorded:red".profile_events USING btree (profile_id, fingerprint);
