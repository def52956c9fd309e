// In every unit test program of the tsan preset. RocksDB is not built with the sanitizer: what it
// publishes through atomics looks like a race from outside. Only reports with one of its frames are
// left out; our own code stays under watch.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:rocksdb::\n"; }
