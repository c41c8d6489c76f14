import RequestQueue from 'kafkajs/src/network/requestQueue';

const schedule = RequestQueue.prototype.scheduleCheckPendingRequests;

/**
 * kafkajs 2.2.4 sets a timer of a millisecond on every connection, again and again for as long as it is open, to look for requests that wait
 * out a throttle. We let it do so only while one waits: whoever enqueues a request schedules the look himself.
 */
RequestQueue.prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
  if (this.pending.length > 0) schedule.call(this);
};
