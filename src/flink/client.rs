//! Sends one request to the JobManager and reads one answer.
//!
//! No request is repeated here: a sampler must know that a poll was lost, and a submission must not happen
//! twice. Proxies of the environment are not used, they would not know the cluster's network.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{Failure, refused, unreachable, unreadable};
use crate::error::{Error, Result};

/// One JobManager; cheap to clone, the clones share their connections.
#[derive(Clone, Debug)]
pub struct Flink {
    http: Client,
    base: String,
}

impl Flink {
    /// `timeout` holds for each request by itself.
    pub fn new(rest_url: &str, timeout: Duration) -> Result<Self> {
        let hint = "write it as http://host:8081";
        let url = Url::parse(rest_url)
            .map_err(|error| Error::target(format!("{rest_url} is no address of Flink: {error}")).hint(hint))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::target(format!("{rest_url} is no address of Flink")).hint(hint));
        }
        let http = Client::builder()
            .no_proxy()
            .timeout(timeout)
            .build()
            .map_err(|error| Error::defect(format!("cannot make an HTTP client: {error}")))?;
        Ok(Self { http, base: rest_url.trim_end_matches('/').to_owned() })
    }

    #[must_use]
    pub fn url(&self) -> &str {
        &self.base
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> std::result::Result<T, Failure> {
        self.ask(Method::GET, path, |request| request).await
    }

    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> std::result::Result<T, Failure> {
        self.ask(Method::POST, path, |request| request.json(body)).await
    }

    /// A request whose answer is JSON of type `T`.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> std::result::Result<T, Failure> {
        let body = self.send(method.clone(), path, finish).await?;
        serde_json::from_slice(&body).map_err(|error| unreadable(&method, path, &error))
    }

    /// A request of whose answer only the success matters.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        finish: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> std::result::Result<Vec<u8>, Failure> {
        let lost = |error| unreachable(&method, path, &self.base, &error);
        let request = finish(self.http.request(method.clone(), format!("{}{path}", self.base)));
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        let body = response.bytes().await.map_err(lost)?;
        if status.is_success() { Ok(body.into()) } else { Err(refused(&method, path, status, &body)) }
    }
}
