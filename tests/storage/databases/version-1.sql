PRAGMA application_id=1397310753;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE deliveries (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	event TEXT, 
	subscription TEXT NOT NULL, 
	action_slug TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT, 
	attempts TEXT NOT NULL, 
	request TEXT, 
	response TEXT, 
	findings TEXT NOT NULL, 
	code TEXT, 
	upsert TEXT, 
	batch TEXT
);
INSERT INTO "deliveries" VALUES(1,'m1',NULL,'Create or Update a User Profile','updateUserProfile','accepted',NULL,'[{"number":1,"at":"2026-11-24T23:53:14.862Z","duration_ms":10.387,"status":200,"error":null}]','{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{},\"email\":\"ada@shop.example\"},\"attributes\":{\"email\":\"ada@shop.example\"},\"not_append\":true}],\"platform\":\"segment\"}"}','{"status":200,"body":"{\"data\":{\"successful\":{\"count\":1},\"fail\":{}}}"}','[]',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(2,'m2','song_played','Track Event','trackEvent','accepted',NULL,'[{"number":1,"at":"2026-11-24T23:53:14.872Z","duration_ms":6.68,"status":200,"error":null}]','{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:00:00.000Z\",\"event_params\":{\"custom\":{}}}],\"not_append\":true}],\"platform\":\"segment\"}"}','{"status":200,"body":"{\"data\":{\"successful\":{\"count\":1},\"fail\":{}}}"}','[]',NULL,NULL,NULL);
INSERT INTO "deliveries" VALUES(3,'m3','song_played','Track Event','trackEvent','retrying','Insider One answered 503: {}; attempt 1, the next is due at 2026-11-24T23:53:16.139Z','[{"number":1,"at":"2026-11-24T23:53:14.887Z","duration_ms":2.297,"status":503,"error":null}]','{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:05:00.000Z\",\"event_params\":{\"custom\":{}}}],\"not_append\":true}],\"platform\":\"segment\"}"}','{"status":503,"body":"{}"}','[]','503','08b649993fb74080a0cb2d90f588dca9',NULL);
CREATE TABLE destination_changes (
	basis TEXT NOT NULL, 
	changes TEXT NOT NULL, 
	PRIMARY KEY (basis)
);
CREATE TABLE differences (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	signature TEXT NOT NULL, 
	times INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	document TEXT NOT NULL, 
	UNIQUE (signature)
);
CREATE TABLE identifiers (
	identifier TEXT NOT NULL, 
	profile_id TEXT NOT NULL, 
	PRIMARY KEY (identifier)
);
INSERT INTO "identifiers" VALUES('uuid:ada','c1ee66bf-0a3b-402e-8e66-36cd8ce564bb');
INSERT INTO "identifiers" VALUES('email:ada@shop.example','c1ee66bf-0a3b-402e-8e66-36cd8ce564bb');
CREATE TABLE integrations (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	key_digest TEXT NOT NULL, 
	key_shown TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	created_by TEXT, 
	revoked_at TEXT, 
	UNIQUE (key_digest)
);
INSERT INTO "integrations" VALUES(1,'Workspace file','Source','workspace','62af8704764faf8ea82fc61ce9c4c3908b6cb97d463a634e9e587d7c885db0ef','te…','2026-11-24T23:53:14.734Z',NULL,NULL);
CREATE TABLE journey_runs (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	journey_id INTEGER NOT NULL, 
	profile_id TEXT NOT NULL, 
	entered_at TEXT NOT NULL, 
	mark TEXT NOT NULL, 
	element TEXT, 
	due_at TEXT, 
	status TEXT NOT NULL, 
	ended_at TEXT, 
	watched_until TEXT, 
	goals TEXT NOT NULL
);
CREATE TABLE journey_trails (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	run_id INTEGER NOT NULL, 
	at TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	what TEXT NOT NULL, 
	element TEXT, 
	details TEXT NOT NULL
);
CREATE TABLE messages (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message_id TEXT NOT NULL, 
	type TEXT, 
	event TEXT, 
	user_id TEXT, 
	anonymous_id TEXT, 
	received_at TEXT NOT NULL, 
	verdict TEXT NOT NULL, 
	reason TEXT, 
	sent TEXT NOT NULL, 
	normalised TEXT NOT NULL, 
	source TEXT, 
	filtering TEXT
);
INSERT INTO "messages" VALUES(1,'m1','identify',NULL,'ada',NULL,'2026-11-24T23:53:14.828Z','accepted',NULL,'{"type":"identify","messageId":"m1","userId":"ada","traits":{"email":"ada@shop.example"}}','{"type":"identify","messageId":"m1","userId":"ada","traits":{"email":"ada@shop.example"},"receivedAt":"2026-11-24T23:53:14.828Z","timestamp":"2026-11-24T23:53:14.828Z"}','Web shop','{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO "messages" VALUES(2,'m2','track','song_played','ada',NULL,'2026-11-24T23:53:14.828Z','accepted',NULL,'{"type":"track","messageId":"m2","userId":"ada","event":"song_played","timestamp":"2026-11-23T10:00:00.000Z"}','{"type":"track","messageId":"m2","userId":"ada","event":"song_played","timestamp":"2026-11-23T10:00:00.000Z","receivedAt":"2026-11-24T23:53:14.828Z","originalTimestamp":"2026-11-23T10:00:00.000Z"}','Web shop','{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
INSERT INTO "messages" VALUES(3,'m3','track','song_played','ada',NULL,'2026-11-24T23:53:14.887Z','retrying','Insider One answered 503: {}; attempt 1, the next is due at 2026-11-24T23:53:16.139Z','{"messageId":"m3","userId":"ada","event":"song_played","timestamp":"2026-11-23T10:05:00.000Z"}','{"messageId":"m3","userId":"ada","event":"song_played","timestamp":"2026-11-23T10:05:00.000Z","type":"track","receivedAt":"2026-11-24T23:53:14.887Z","originalTimestamp":"2026-11-23T10:05:00.000Z"}','Web shop','{"violations":[],"filtered_by":null,"omitted":[],"hints":[]}');
CREATE TABLE profile_events (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	profile_id TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	name TEXT NOT NULL, 
	sent_as TEXT NOT NULL, 
	timestamp TEXT NOT NULL, 
	occurred_at TEXT NOT NULL, 
	params TEXT NOT NULL, 
	received_at TEXT NOT NULL, 
	skip_hook BOOLEAN NOT NULL
);
INSERT INTO "profile_events" VALUES(1,'c1ee66bf-0a3b-402e-8e66-36cd8ce564bb','37f8498ee123d6afb3674bfb7da4f304','song_played','song_played','2026-11-23T10:00:00.000Z','2026-11-23T10:00:00.000Z','{}','2026-11-24T23:53:14.872Z',0);
CREATE TABLE profiles (
	number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id TEXT NOT NULL, 
	identifiers TEXT NOT NULL, 
	attributes TEXT NOT NULL, 
	written TEXT NOT NULL, 
	trail TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	updated_at TEXT NOT NULL, 
	UNIQUE (id)
);
INSERT INTO "profiles" VALUES(1,'c1ee66bf-0a3b-402e-8e66-36cd8ce564bb','{"uuid":["ada"],"email":["ada@shop.example"]}','{"uuid":"ada","email":"ada@shop.example"}','{"uuid":"2026-11-24T23:53:14.862Z","email":"2026-11-24T23:53:14.862Z"}','[]','2026-11-24T23:53:14.862Z','2026-11-24T23:53:14.872Z');
CREATE TABLE upserts (
	id TEXT NOT NULL, 
	request TEXT NOT NULL, 
	response TEXT, 
	attempts TEXT NOT NULL, 
	due_at TEXT, 
	batched BOOLEAN NOT NULL, 
	notes TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "upserts" VALUES('08b649993fb74080a0cb2d90f588dca9','{"method":"POST","url":"https://unification.useinsider.com/api/user/v1/upsert","headers":{"x-partner-name":"mybrand","x-request-token":"te…","x-platform-name":"segment","content-type":"application/json","user-agent":"Segment (Actions)"},"body":"{\"users\":[{\"identifiers\":{\"uuid\":\"ada\",\"custom\":{}},\"attributes\":{\"custom\":{}},\"events\":[{\"event_name\":\"song_played\",\"timestamp\":\"2026-11-23T10:05:00.000Z\",\"event_params\":{\"custom\":{}}}],\"not_append\":true}],\"platform\":\"segment\"}"}','{"status":503,"body":"{}"}','[{"number":1,"at":"2026-11-24T23:53:14.887Z","duration_ms":2.297,"status":503,"error":null}]','2026-11-24T23:53:16.139Z',0,'{"m3":null}');
CREATE TABLE waiting (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	message TEXT NOT NULL
);
CREATE INDEX ix_messages_message_id ON messages (message_id);
CREATE INDEX ix_deliveries_upsert ON deliveries (upsert);
CREATE INDEX ix_deliveries_message_id ON deliveries (message_id);
CREATE INDEX ix_upserts_due_at ON upserts (due_at);
CREATE INDEX ix_journey_runs_due_at ON journey_runs (due_at);
CREATE INDEX journey_runs_in ON journey_runs (journey_id, status);
CREATE INDEX journey_runs_of ON journey_runs (profile_id, journey_id);
CREATE INDEX ix_journey_trails_run_id ON journey_trails (run_id);
CREATE INDEX ix_identifiers_profile_id ON identifiers (profile_id);
CREATE UNIQUE INDEX profile_events_once ON profile_events (profile_id, fingerprint);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('integrations',1);
INSERT INTO "sqlite_sequence" VALUES('profiles',1);
INSERT INTO "sqlite_sequence" VALUES('profile_events',1);
INSERT INTO "sqlite_sequence" VALUES('messages',3);
INSERT INTO "sqlite_sequence" VALUES('deliveries',3);
COMMIT;
