# One image for every app and the command; docs/operations/docker.md tells how to build, run and check it.
# NODE_IMAGE compiles and lends its node; RUN_IMAGE is what is shipped below it: glibc and libstdc++, no shell, no package manager.
# Both are pinned by digest where NODE_DIGEST and RUN_DIGEST, like sha256:…, are given.
ARG NODE_IMAGE=node:20.20.2-bookworm-slim
ARG NODE_DIGEST=
ARG RUN_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG RUN_DIGEST=

FROM ${NODE_IMAGE}${NODE_DIGEST:+@${NODE_DIGEST}} AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

# A registry of your own: docker build --secret id=npmrc,src=$HOME/.npmrc
# Scripts of packages do not run. Type declarations and others' source maps are of no use to node.
FROM packages AS dependencies
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
  npm ci --omit=dev --ignore-scripts \
  && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
  && find node_modules -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

# Our own source maps stay, so that stacks name lines that a person can read. The sources do not.
FROM packages AS build
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
  npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY libs libs
COPY apps apps
RUN node_modules/.bin/nest build
COPY LICENSE tools/image/start.cjs tools/image/healthy.cjs /image/app/
ARG SOURCE_DATE_EPOCH=0
RUN cp -r dist /image/app/dist \
  && find /image -name '*.tsbuildinfo' -delete \
  && mkdir -p /image/usr/local/bin /spool \
  && printf '#!/usr/local/bin/node\nprocess.argv.splice(2, 0, "talaria");\nrequire("/app/start.cjs");\n' >/image/usr/local/bin/talaria \
  && chmod -R u=rwX,go=rX /image \
  && chmod 755 /image/usr/local/bin/talaria \
  && chmod 700 /spool \
  && cp /usr/local/bin/node /node \
  && find /image /spool /node -exec touch -h -d "@${SOURCE_DATE_EPOCH}" {} +

FROM ${RUN_IMAGE}${RUN_DIGEST:+@${RUN_DIGEST}}
# What changes least comes first: an update fetches the last layer alone.
COPY --from=build /node /usr/local/bin/node
COPY --from=build --chown=10001:10001 /spool /var/lib/talaria/spool
COPY --from=dependencies /app/node_modules /app/node_modules
COPY --from=build /image /
WORKDIR /app
ENV NODE_ENV=production PATH=/usr/local/bin:/usr/bin:/bin
# By number, so that Kubernetes knows without /etc/passwd that it is not root. It owns nothing of the image but the spool's folder.
USER 10001:10001
EXPOSE 3000 9464
STOPSIGNAL SIGTERM
# For compose; Kubernetes has probes of its own. In Node, as there is no curl.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["node", "/app/healthy.cjs"]
# No shell and no init before it: node is process 1, takes signals itself and starts no process that would have to be reaped (decision 0039).
ENTRYPOINT ["node", "--enable-source-maps", "/app/start.cjs"]
CMD ["help"]

ARG NODE_IMAGE
ARG RUN_IMAGE
ARG RUN_DIGEST
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Talaria" \
  org.opencontainers.image.description="A self-hosted, Kafka-based, event-sourced messaging platform for teams that run WhatsApp for many business accounts" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}" \
  org.opencontainers.image.base.name="${RUN_IMAGE}" \
  org.opencontainers.image.base.digest="${RUN_DIGEST}"
