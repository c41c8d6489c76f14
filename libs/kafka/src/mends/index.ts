/** What is wrong in kafkajs 2.2.4 and costs time, or a process, or records: mended for all clients of the process, as soon as this is loaded. */
import './closed-socket';
import './dead-connection';
import './lost-broker';
import './own-bytes';
import './quiet-request-queue';
import './rejoin';
import './stale-batch';
import './stale-fetch';
import './unheard-refusal';
