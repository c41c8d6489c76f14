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
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
  npm ci --omit=dev --ignore-scripts \
  && find node_modules -type f \( -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -name '*.map' \) -delete \
  && mkdir -p /layers/packages/app \
  && mv node_modules /layers/packages/app/ \
  && find /layers -exec touch -h -d @0 {} +

# Our own source maps stay, so that stacks name lines that a person can read. The sources do not.
FROM packages AS build
RUN --mount=type=cache,target=/root/.npm --mount=type=secret,id=npmrc,target=/root/.npmrc \
  npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY libs libs
COPY apps apps
RUN node_modules/.bin/nest build
COPY LICENSE tools/image/start.cjs tools/image/healthy.cjs /layers/app/app/
RUN cp -r dist /layers/app/app/dist \
  && find /layers/app -name '*.tsbuildinfo' -delete \
  && mkdir -p /layers/app/usr/local/bin /layers/node/usr/local/bin /layers/spool/var/lib/talaria/spool \
  && printf '#!/usr/local/bin/node\nprocess.argv.splice(2, 0, "talaria");\nrequire("/app/start.cjs");\n' >/layers/app/usr/local/bin/talaria \
  && cp /usr/local/bin/node /layers/node/usr/local/bin/ \
  && chmod -R u=rwX,go=rX /layers \
  && chmod 755 /layers/app/usr/local/bin/talaria \
  && chown 10001:10001 /layers/spool/var/lib/talaria/spool \
  && chmod 700 /layers/spool/var/lib/talaria/spool \
  && find /layers -exec touch -h -d @0 {} +

FROM ${RUN_IMAGE}${RUN_DIGEST:+@${RUN_DIGEST}}
# What changes least comes first: an update fetches the last layer alone. Files have the same time for ever, and folders come along
# with theirs, so that what is the same is the same layer.
COPY --from=build /layers/node /
COPY --from=build /layers/spool /
COPY --from=dependencies /layers/packages /
COPY --from=build /layers/app /
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
