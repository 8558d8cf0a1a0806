# The image of what runs inside a cluster: the exporter of live floors, the collector, forecast jobs.
# docker build --tag registry.example/llmscale:0.1.0 .
FROM node:20-bookworm-slim AS build
WORKDIR /opt/llmscale
COPY . .
# Of what the lockfile pins, and then no more than runs.
RUN npm ci && npm run build && npm prune --omit=dev && rm -r src stacks

FROM node:20-bookworm-slim
# git reads merged plans and writes demand to branches.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/llmscale /opt/llmscale
RUN ln -s /opt/llmscale/bin/run.js /usr/local/bin/llmscale
# Without a name or rights: the kubelet cannot tell of a named user that it is not root.
USER 65532:65532
ENV NODE_ENV=production HOME=/tmp
WORKDIR /tmp
ENTRYPOINT ["llmscale"]
