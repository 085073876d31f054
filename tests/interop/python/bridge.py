"""The whole product on one machine: simulator, wire tap, nats-server and bridge."""

from processes import IBNATS, Process, start_nats_server, start_simulator
from tap import Tap


class Rig:
    """`url` is where NATS is, `tap` counts what the bridge asks the gateway."""

    def __init__(self, folder, seed):
        self._parts = []
        try:
            self.simulator = self._keep(start_simulator(seed))
            self.tap = Tap(self.simulator.port)
            self.nats = self._keep(start_nats_server(folder / "jetstream"))
            self.url = f"nats://127.0.0.1:{self.nats.port}"
            config = folder / "ibnats.toml"
            config.write_text(f'[gateway]\nport = {self.tap.port}\n[nats]\nurl = "{self.url}"\n')
            self.bridge = self._keep(Process(IBNATS, "run", "--config", str(config)))
        except BaseException:
            self.stop()
            raise

    def _keep(self, part):
        self._parts.append(part)
        return part

    def stop(self):
        for part in reversed(self._parts):
            part.stop()
        if hasattr(self, "tap"):
            self.tap.close()
