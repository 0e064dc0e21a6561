# One image, one binary. SQLite and mail files live in /var/lib/contactbar unless CONTACTBAR_DATABASE_URL says otherwise.
#   docker build -t contactbar . && docker run -p 8080:8080 -v contactbar:/var/lib/contactbar contactbar

FROM node:22-bookworm-slim AS frontends
WORKDIR /src
COPY widget-js/package.json widget-js/package-lock.json widget-js/
COPY dashboard/package.json dashboard/package-lock.json dashboard/
RUN for folder in widget-js dashboard; do (cd $folder && npm ci --no-audit --no-fund) || exit 1; done
COPY openapi openapi
COPY widget-js widget-js
COPY dashboard dashboard
RUN for folder in widget-js dashboard; do (cd $folder && npm run build) || exit 1; done

FROM rust:1.95-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libssl-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
COPY --from=frontends /src/widget-js/dist widget-js/dist
COPY --from=frontends /src/dashboard/dist dashboard/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --features postgres-tls && cp target/release/contactbar /usr/local/bin/

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --home-dir /var/lib/contactbar --create-home contactbar
COPY --from=build /usr/local/bin/contactbar /usr/local/bin/contactbar
USER contactbar
WORKDIR /var/lib/contactbar
VOLUME /var/lib/contactbar
ENV CONTACTBAR_LISTEN=0.0.0.0:8080
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["contactbar"]
CMD ["serve"]
