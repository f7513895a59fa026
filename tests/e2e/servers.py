"""Receivers of exports, real ones, each in a folder of its house, on loopback ports of its own, ended by its own process id:
OpenSSH (SFTP), nginx (PUT over TLS), exim (mail), and a gate that lets only so many bytes through. None of the system's own is used
or touched."""
import email, email.policy, os, pwd, shutil, socket, subprocess, tempfile, threading
from harness import free_port, wait_until


class Server:
    """A program that runs as self.user, the house's, and listens on self.port."""

    def __init__(self, house, name):
        self.house, self.dir, self.port, self.process, self.user = house, f"{house.dir}/{name}", free_port(), None, house.user
        house.as_user("mkdir", "-m", "0700", self.dir)

    def write(self, name, text, mode=0o600):
        return self.house.write(os.path.relpath(f"{self.dir}/{name}", self.house.dir), text, mode)

    def run(self, *argv):
        if os.getuid() == 0:
            user = pwd.getpwnam(self.user)
            demote = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        else:
            demote = {}
        self.log = open(f"{self.dir}/output", "ab")
        self.process = subprocess.Popen(argv, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, cwd=self.dir, **demote)
        wait_until(f"{argv[0]} listens", self.listens)

    def listens(self):
        assert self.process.poll() is None, open(f"{self.dir}/output", errors="replace").read()
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(120)
            self.log.close()

    def output(self):
        return open(f"{self.dir}/output", errors="replace").read()


class Sshd(Server):
    """SFTP only, for the house's user, with one user key; its host key is its own."""

    def __init__(self, house):
        super().__init__(house, "sshd")
        for key in ("host", "user", "stranger"):
            house.as_user("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", key, "-f", f"{self.dir}/{key}")
        self.write("authorized_keys", open(f"{self.dir}/user.pub").read())
        self.known_hosts = self.write("known_hosts", f"[127.0.0.1]:{self.port} " + open(f"{self.dir}/host.pub").read())
        self.other_hosts = self.write("other_hosts", f"[127.0.0.1]:{self.port} " + open(f"{self.dir}/stranger.pub").read())
        self.root = f"{self.dir}/root"
        house.as_user("mkdir", self.root)
        conf = self.write("conf", f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.dir}/host\nPidFile none\n"
                          f"AuthorizedKeysFile {self.dir}/authorized_keys\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                          "UsePAM no\nStrictModes no\nMaxStartups 100\nLogLevel VERBOSE\nSubsystem sftp internal-sftp\nForceCommand internal-sftp\n")
        self.run("/usr/sbin/sshd", "-D", "-e", "-f", conf)

    def url(self, port=None):
        return f"sftp://{self.house.user}@127.0.0.1:{port or self.port}{self.root}"


class Nginx(Server):
    """PUT below /in/ with a token, below /named/ with a password, over TLS with a certificate of its own authority; /full/ has no room, /closed/ takes nothing."""

    def __init__(self, house, certificate, key):
        super().__init__(house, "nginx")
        self.root, self.token = f"{self.dir}/root", "token-uji"
        for d in (self.root, f"{self.root}/in", f"{self.root}/named", f"{self.dir}/tmp"):
            house.as_user("mkdir", d)
        self.write("users", "lutra:{PLAIN}rahasia uji\n")
        temporary = "".join(f"{n}_temp_path {self.dir}/tmp;\n" for n in ("proxy", "fastcgi", "uwsgi", "scgi"))
        conf = self.write("conf", f"""daemon off; master_process off; pid {self.dir}/pid; error_log stderr;
events {{}}
http {{
  {temporary} client_body_temp_path {self.dir}/tmp; client_max_body_size 100m;
  log_format keys '$status $request_method $uri $http_idempotency_key';
  access_log {self.dir}/access keys;
  server {{
    listen 127.0.0.1:{self.port} ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; root {self.root};
    location /in/ {{ if ($http_authorization != "Bearer {self.token}") {{ return 401; }} dav_methods PUT; create_full_put_path on; }}
    location /named/ {{ auth_basic uji; auth_basic_user_file {self.dir}/users; dav_methods PUT; create_full_put_path on; }}
    location /full/ {{ return 507; }}
    location /closed/ {{ return 403; }}
  }}
}}
""")
        self.run("/usr/sbin/nginx", "-c", conf, "-e", "stderr", "-p", self.dir)

    def url(self, where="in", port=None):
        return f"https://127.0.0.1:{port or self.port}/{where}/"

    def requests(self):
        """(status, method, address, key) of each that was answered."""
        return [tuple(line.split()) for line in open(f"{self.dir}/access").read().splitlines()]


class Exim(Server):
    """Takes mail for anybody but `reject`, into a maildir; greylists all while the file `grey` is there; offers STARTTLS. Debian's
    exim refuses to be a daemon as anybody but its own user: it runs as that, in a folder of its own, which needs root."""
    user = "Debian-exim"

    def __init__(self, house, certificate, key):
        assert os.getuid() == 0, "exim can only be started by root"
        self.house, self.dir, self.port, self.process = house, tempfile.mkdtemp(prefix="hadir-exim-"), free_port(), None
        self.mail = f"{self.dir}/mail"
        for d in ("", "/spool", "/log"):
            os.makedirs(f"{self.dir}{d}", exist_ok=True)
            shutil.chown(f"{self.dir}{d}", self.user, self.user)
        certificate, key = (self.write(os.path.basename(f), open(f).read()) for f in (certificate, key))
        conf = self.write("conf", f"""primary_hostname = mail.example.go.id
spool_directory = {self.dir}/spool
log_file_path = {self.dir}/log/%slog
pid_file_path = {self.dir}/pid
local_interfaces = 127.0.0.1 : 127.0.0.2
daemon_smtp_ports = {self.port}
deliver_drop_privilege
keep_environment =
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
acl_smtp_rcpt = rcpt
message_size_limit = 60M
never_users =
begin acl
rcpt:
  deny local_parts = reject
       message = no such person
  defer condition = ${{if exists{{{self.dir}/grey}}}}
        message = greylisted, come again
  accept
begin routers
all:
  driver = accept
  transport = file
begin transports
file:
  driver = appendfile
  directory = {self.mail}
  maildir_format
  create_directory
  delivery_date_add
""")
        self.run("/usr/sbin/exim4", "-bdf", "-C", conf)

    def write(self, name, text, mode=0o600):
        with open(f"{self.dir}/{name}", "w") as f:
            f.write(text)
        os.chmod(f.name, mode)
        shutil.chown(f.name, self.user, self.user)
        return f.name

    def stop(self):
        super().stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def url(self, host="127.0.0.2"):
        return f"smtp://{host}:{self.port}"

    def messages(self):
        folder = f"{self.mail}/new"
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [email.message_from_bytes(open(f"{folder}/{n}", "rb").read(), policy=email.policy.default) for n in names]


class Gate:
    """Stands before a server: lets `bytes` of a client's through, over all connections, then nothing until open() is called."""

    def __init__(self, port, bytes):
        self.to, self.left, self.closed, self.threads, self.sockets = port, bytes, threading.Event(), [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.spawn(self.accept)

    def spawn(self, f, *args):
        self.threads.append(threading.Thread(target=f, args=args, daemon=True))
        self.threads[-1].start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                return
            for s in (client, server):
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sockets += [client, server]
            self.spawn(self.pump, client, server, True)
            self.spawn(self.pump, server, client, False)

    def pump(self, source, sink, counted):
        try:
            while True:
                piece = source.recv(4096)
                if not piece:
                    break
                if counted and self.left is not None:
                    self.left -= len(piece)
                    if self.left < 0:
                        self.closed.set()  # the piece is swallowed, and all that follows
                        while source.recv(4096):
                            pass
                        break
                sink.sendall(piece)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        for s in [self.listener, *self.sockets]:  # shutdown, not close: it ends what waits in accept and recv
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def authority(house, name):
    """A made-up authority and a certificate of it for this machine: paths of authority, certificate, key."""
    at = lambda what: f"{house.dir}/secret/{name}-{what}"
    house.as_user("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN=Otoritas {name}",
                  "-keyout", at("ca.key"), "-out", at("ca.crt"), "-addext", "basicConstraints=critical,CA:TRUE")
    house.as_user("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=penerima uji", "-keyout", at("key"),
                  "-out", at("csr"), "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.2")
    house.as_user("openssl", "x509", "-req", "-in", at("csr"), "-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial", "-copy_extensions", "copy",
                  "-days", "20", "-out", at("crt"))
    return at("ca.crt"), at("crt"), at("key")
