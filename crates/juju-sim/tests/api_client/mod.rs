//! A client of the controller's API that knows nothing of what it sends.

use std::net::TcpStream;
use std::sync::Arc;

use juju_sim::controller::Controller;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// A connection to a controller that sends what it is given.
pub struct Client(WebSocket<StreamOwned<ClientConnection, TcpStream>>, u64);

impl Client {
    pub fn open(controller: &Controller, path: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let pem = controller.authority().as_bytes();
        roots.add(CertificateDer::from_pem_slice(pem).unwrap()).unwrap();
        let tls = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("juju-apiserver").unwrap();
        let session = ClientConnection::new(Arc::new(tls), name).unwrap();
        let stream = TcpStream::connect(controller.address()).unwrap();
        let stream = StreamOwned::new(session, stream);
        let url = format!("wss://juju-apiserver{path}");
        let (socket, _) = tungstenite::client(url, stream).unwrap();
        Self(socket, 0)
    }

    /// The answer to a request, without its id.
    pub fn ask(&mut self, facade: &str, version: u64, request: &str, params: &Value) -> Value {
        self.1 += 1;
        let request = json!({
            "type": facade, "version": version, "request": request,
            "request-id": self.1, "params": params,
        });
        self.0.send(Message::text(request.to_string())).unwrap();
        let text = self.0.read().unwrap().into_text().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["request-id"], self.1);
        answer.as_object_mut().unwrap().remove("request-id");
        answer
    }
}
