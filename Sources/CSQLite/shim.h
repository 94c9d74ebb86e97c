#include <sqlite3.h>

// A variadic function, which Swift cannot call. With 1, closing the last connection leaves the write-ahead log where it is
// instead of moving it into the file: a file that is refused stays as it was.
static inline int sluice_sqlite3_leave_log_on_close(sqlite3 *database, int leave) {
    return sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, leave, (int *)0);
}
