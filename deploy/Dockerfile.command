# The command's image: the standalone executable that `npm run build:standalone` makes, on a base that has a C library and
# certificates, and neither a shell nor a package manager. From the repository's root, once for each platform:
#   docker build -f deploy/Dockerfile.command --build-arg BASE=NAME@sha256:DIGEST --build-arg PLATFORM=linux-x64 .
# It works on the files of the folder that is mounted at /work. BASE has no default, as in Dockerfile.
ARG BASE
FROM ${BASE}
ARG PLATFORM=linux-x64
COPY --chmod=0555 standalone/sopsmith-${PLATFORM} /usr/local/bin/sopsmith
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/usr/local/bin/sopsmith"]
