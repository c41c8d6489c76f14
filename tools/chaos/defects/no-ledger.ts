import '../../bench/dispatcher/without-ledger';
