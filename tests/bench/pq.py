"""libpq by ctypes: one connection that runs prepared statements with text parameters, as any client's driver does."""
import ctypes

LIB = ctypes.CDLL("libpq.so.5")
TEXT, NUMBER, POINTER = ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p
for name, result, arguments in (
        ("PQconnectdb", POINTER, [TEXT]), ("PQfinish", None, [POINTER]), ("PQerrorMessage", TEXT, [POINTER]), ("PQstatus", NUMBER, [POINTER]),
        ("PQexec", POINTER, [POINTER, TEXT]), ("PQprepare", POINTER, [POINTER, TEXT, TEXT, NUMBER, POINTER]),
        ("PQexecPrepared", POINTER, [POINTER, TEXT, NUMBER, POINTER, POINTER, POINTER, NUMBER]), ("PQclear", None, [POINTER]),
        ("PQresultStatus", NUMBER, [POINTER]), ("PQntuples", NUMBER, [POINTER]), ("PQnfields", NUMBER, [POINTER]),
        ("PQgetvalue", TEXT, [POINTER, NUMBER, NUMBER])):
    getattr(LIB, name).restype, getattr(LIB, name).argtypes = result, arguments
COMMAND_OK, TUPLES_OK = 1, 2


class Connection:
    def __init__(self, conninfo):
        self.conn = LIB.PQconnectdb(conninfo.encode())
        assert LIB.PQstatus(self.conn) == 0, LIB.PQerrorMessage(self.conn).decode()

    def _take(self, result):
        """Rows of bytes."""
        try:
            assert LIB.PQresultStatus(result) in (COMMAND_OK, TUPLES_OK), LIB.PQerrorMessage(self.conn).decode()
            return [[LIB.PQgetvalue(result, row, column) for column in range(LIB.PQnfields(result))] for row in range(LIB.PQntuples(result))]
        finally:
            LIB.PQclear(result)

    def sql(self, text):
        return self._take(LIB.PQexec(self.conn, text.encode()))

    def prepare(self, name, text):
        self._take(LIB.PQprepare(self.conn, name.encode(), text.encode(), 0, None))

    def execute(self, name, parameters):
        """parameters: bytes."""
        values = (TEXT * len(parameters))(*parameters)
        return self._take(LIB.PQexecPrepared(self.conn, name.encode(), len(parameters), values, None, None, 0))

    def close(self):
        LIB.PQfinish(self.conn)
