export { dispatcherSettings } from './dispatcher';
export { ingestionCombinations, ingestionSettings } from './ingestion';
export { processorSettings } from './processor';
