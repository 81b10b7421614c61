import os
import socket

from promptflow.core import tool

PORT = int(os.environ["SLOW_SERVICE_PORT"])


@tool
def call(first: str, second: str, third: str) -> str:
    # By hand: what an HTTP client costs would be most of what is measured.
    with socket.create_connection(("127.0.0.1", PORT)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    return answer.rpartition(b"\r\n\r\n")[2].decode()
