"""The whole product on one machine: simulator, wire tap, nats-server and bridge."""

from processes import CHECKOUT, IBNATS, Process, start_nats_server, start_simulator
from tap import Tap


class Rig:
    """`url` is where NATS is, `tap` counts what the bridge asks the gateway."""

    def __init__(self, folder, seed, *simulator_arguments):
        self._parts = []
        try:
            self.simulator = self._keep(start_simulator(seed, *simulator_arguments))
            self.tap = Tap(self.simulator.port)
            self.nats = self._keep(self._start_nats(folder))
            self.url = f"nats://127.0.0.1:{self.nats.port}"
            self._folder = folder
            self._config = config = folder / "ibnats.toml"
            state = f'[state]\ndir = "{folder / "state"}"\n'
            config.write_text(f'[gateway]\nport = {self.tap.port}\n{state}[nats]\nurl = "{self.url}"\n{self._login(folder)}')
            self.start_bridge()
        except BaseException:
            self.stop()
            raise

    def start_bridge(self):
        self.bridge = self._keep(Process(IBNATS, "run", "--config", str(self._config)))

    def restart_nats(self):
        """The same server again on the same port, with what it had stored."""
        self.nats.kill()
        self.nats = self._keep(self._start_nats(self._folder, self.nats.port))

    def _start_nats(self, folder, port=None):
        return start_nats_server(folder / "jetstream", port=port)

    def _login(self, folder):
        return ""

    def _keep(self, part):
        self._parts.append(part)
        return part

    def stop(self):
        for part in reversed(self._parts):
            part.stop()
        if hasattr(self, "tap"):
            self.tap.close()


USERS = ("bridge", "viewer", "trader", "admin")


class GuardedRig(Rig):
    """The same under the permissions of `deploy/nats-server.conf`; the password of a user is `secret-<user>`."""

    def _start_nats(self, folder, port=None):
        text = (CHECKOUT / "deploy/nats-server.conf").read_text()
        kept = [line for line in text.splitlines() if not line.startswith(("listen:", "http:"))]
        config = folder / "nats-server.conf"
        config.write_text("\n".join(kept).replace("/var/lib/nats/jetstream", str(folder / "jetstream")))
        passwords = {f"IBNATS_{user.upper()}_PASSWORD": f"secret-{user}" for user in USERS}
        return start_nats_server(folder, "-c", str(config), env=passwords, port=port)

    def _login(self, folder):
        password = folder / "password"
        password.write_text("secret-bridge\n")
        return f'user = "bridge"\npassword_file = "{password}"\n'
