"""Starting, finding and stopping the server and the gateway on this machine; the composition root."""
