export { dispatcherSettings } from './dispatcher';
export { ingestionSettings } from './ingestion';
export { processorSettings } from './processor';
