module sluice.test/cli

go 1.19

require github.com/gorilla/websocket v1.4.2
